/*
 * fold_map: the ids of rows, each with a small dense number, and in ascending order.
 *
 * Open addressing; a reset costs what was put in, not what there is room for. Not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_MAP_H
#define SERVICES_STORE_FOLD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLD_MAP_ABSENT SIZE_MAX

struct fold_map {     /* a zeroed struct is an empty map */
    int64_t *ids;     /* by number */
    uint32_t *places; /* by number: its slot */
    int64_t *sorted;  /* the ids, ascending, while is_sorted */
    uint32_t *slots;  /* 0: free, else number + 1 */
    size_t count;
    size_t capacity; /* of ids, places and sorted; slots has twice as many */
    bool is_sorted;
};

/* The number of an id, a new one (the old count) if it was not there. */
size_t fold_map_put(struct fold_map *map, int64_t id);
size_t fold_map_find(const struct fold_map *map, int64_t id); /* or FOLD_MAP_ABSENT */

/* All ids, or those with numbers from `first` on, ascending; valid until the next put or sorting.
 */
const int64_t *fold_map_sorted(struct fold_map *map);
const int64_t *fold_map_sorted_from(struct fold_map *map, size_t first);

size_t fold_map_bytes(const struct fold_map *map); /* memory in use, about */
void fold_map_reset(struct fold_map *map);
void fold_map_done(struct fold_map *map);

#endif
