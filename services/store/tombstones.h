/*
 * tombstones: who was erased, in which partition, and up to when; events dated up to then come too
 * late. Pure.
 *
 * In memory for the partitions a process owns: 40 to 80 bytes for each erased person and partition
 * (docs/adr/0010). An id is kept as its hash. Not thread-safe.
 */
#ifndef SERVICES_STORE_TOMBSTONES_H
#define SERVICES_STORE_TOMBSTONES_H

#include "libs/wire/erasure.h"
#include "services/store/fold.h"

struct tombstone {
    int32_t partition;
    uint8_t subject[ERASURE_SUBJECT_LEN];
    int64_t until_ms; /* events dated up to here are dropped */
};

struct tombstones { /* a zeroed struct is empty */
    struct tombstone *items;
    uint32_t *slots; /* 0: free, else number + 1; twice as many as there is room for items */
    size_t count;
    size_t capacity;
};

/* Of two for one person and partition the later one counts. */
void tombstones_put(struct tombstones *tombstones, const struct tombstone *tombstone);
void tombstones_reset(struct tombstones *tombstones);
void tombstones_done(struct tombstones *tombstones);

/* What a UserErased leaves behind in its partition. */
struct tombstone tombstone_of(const struct event *erased, const struct fold_place *place);

/* An event of somebody who is erased, dated up to then; an unknown date is before any. Never a
 * UserErased. */
bool tombstones_cover(const struct tombstones *tombstones, const struct event *event,
                      const struct fold_place *place);

/* The same for a record that is set aside, whose key may name another id than its event; one that
 * cannot be decoded (kind EVENT_NONE) has only its key, and no date. */
bool tombstones_cover_letter(const struct tombstones *tombstones, const struct event *event,
                             const struct fold_place *place, struct bytes key);

/* The id in a record's key, "<bot>:<id>"; false: there is none. */
bool tombstone_key_id(struct bytes key, int64_t *out_id);

#endif
