#include "services/store/fold_map.h"

#include "libs/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 256

static size_t hash(int64_t id)
{
    uint64_t mixed = (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed ^ mixed >> 32);
}

/* The slot that holds the id, or the free one where it belongs. */
static uint32_t slot_of(const struct fold_map *map, int64_t id)
{
    size_t mask = map->capacity * 2 - 1;
    size_t slot = hash(id) & mask;
    while (map->slots[slot] != 0 && map->ids[map->slots[slot] - 1] != id)
        slot = (slot + 1) & mask;
    return (uint32_t)slot;
}

static void grow(struct fold_map *map)
{
    map->capacity = map->capacity == 0 ? CAPACITY_FIRST : map->capacity * 2;
    map->ids = mem_grow(map->ids, map->capacity, sizeof(*map->ids));
    map->places = mem_grow(map->places, map->capacity, sizeof(*map->places));
    map->sorted = mem_grow(map->sorted, map->capacity, sizeof(*map->sorted));
    free(map->slots);
    map->slots = mem_array(map->capacity * 2, sizeof(*map->slots));
    for (size_t i = 0; i < map->count; i++) {
        map->places[i] = slot_of(map, map->ids[i]);
        map->slots[map->places[i]] = (uint32_t)i + 1;
    }
}

size_t fold_map_put(struct fold_map *map, int64_t id)
{
    if (map->count == map->capacity)
        grow(map);
    uint32_t slot = slot_of(map, id);
    if (map->slots[slot] != 0)
        return map->slots[slot] - 1;
    size_t number = map->count++;
    map->ids[number] = id;
    map->places[number] = slot;
    map->slots[slot] = (uint32_t)number + 1;
    map->is_sorted = false;
    return number;
}

size_t fold_map_find(const struct fold_map *map, int64_t id)
{
    if (map->count == 0)
        return FOLD_MAP_ABSENT;
    uint32_t number = map->slots[slot_of(map, id)];
    return number == 0 ? FOLD_MAP_ABSENT : number - 1;
}

static int compare_ids(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

const int64_t *fold_map_sorted(struct fold_map *map)
{
    if (!map->is_sorted)
        (void)fold_map_sorted_from(map, 0);
    map->is_sorted = true;
    return map->sorted;
}

const int64_t *fold_map_sorted_from(struct fold_map *map, size_t first)
{
    size_t count = map->count - first;
    map->is_sorted = false;
    if (count > 0) {
        memcpy(map->sorted, map->ids + first, count * sizeof(*map->ids));
        qsort(map->sorted, count, sizeof(*map->sorted), compare_ids);
    }
    return map->sorted;
}

size_t fold_map_bytes(const struct fold_map *map)
{
    return map->count * (2 * sizeof(*map->ids) + sizeof(*map->places) + 2 * sizeof(*map->slots));
}

void fold_map_reset(struct fold_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        map->slots[map->places[i]] = 0;
    map->count = 0;
    map->is_sorted = false;
}

void fold_map_done(struct fold_map *map)
{
    free(map->ids);
    free(map->places);
    free(map->sorted);
    free(map->slots);
    *map = (struct fold_map){0};
}
