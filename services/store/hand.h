/*
 * hand: the records that were taken from the log and are not applied yet.
 *
 * Bounded by events and bytes. Records are kept until they are dropped; decoded events live as
 * long. Not thread-safe.
 */
#ifndef SERVICES_STORE_HAND_H
#define SERVICES_STORE_HAND_H

#include "libs/wire/event_codec.h"
#include "services/store/arena.h"
#include "services/store/ports.h"

struct hand {
    struct batch_event *items; /* in order of arrival */
    size_t count;
    size_t capacity;
    size_t events_max;
    size_t bytes_max;
    size_t bytes; /* of the records in hand */
    struct event_arena *decoded;
    struct arena copies; /* of the records */
    int64_t since_us;    /* when the first one came; monotonic */
};

void hand_init(struct hand *hand, size_t events_max, size_t bytes_max);
void hand_done(struct hand *hand); /* a zeroed struct is fine */

/* No further record fits; an empty hand takes any. */
bool hand_is_full(const struct hand *hand);

/* Decode into a new item, which is not counted before hand_keep and views `record` until then. On
 * EVENT_MALFORMED it is set aside already. EVENT_ARENA_FULL: empty the hand first. */
enum event_decode_result hand_decode(struct hand *hand, const struct record_view *record,
                                     struct batch_event **out);
void hand_keep(struct hand *hand);

/* The new item's record has this traceparent, which is copied. */
void hand_set_traceparent(struct hand *hand, struct batch_event *item, struct bytes traceparent);

/* Forget all records. */
void hand_drop(struct hand *hand);

#endif
