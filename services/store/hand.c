#include "services/store/hand.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

void hand_init(struct hand *hand, size_t events_max, size_t bytes_max)
{
    *hand = (struct hand){.events_max = events_max, .bytes_max = bytes_max};
    hand->decoded = event_arena_new(bytes_max + EVENT_BYTES_MAX);
}

void hand_done(struct hand *hand)
{
    event_arena_free(hand->decoded);
    arena_done(&hand->copies);
    free(hand->items);
    *hand = (struct hand){0};
}

bool hand_is_full(const struct hand *hand)
{
    return hand->count >= hand->events_max || hand->bytes >= hand->bytes_max;
}

static void set_aside(struct batch_event *item, const char *cause, const char *detail)
{
    item->event.kind = EVENT_NONE;
    item->fate = BATCH_ASIDE;
    item->cause = cause;
    item->detail = detail;
}

enum event_decode_result hand_decode(struct hand *hand, const struct record_view *record,
                                     struct batch_event **out)
{
    if (hand->count == hand->capacity) {
        hand->capacity = hand->capacity == 0 ? CAPACITY_FIRST : hand->capacity * 2;
        hand->items = mem_grow(hand->items, hand->capacity, sizeof(*hand->items));
    }
    struct batch_event *item = &hand->items[hand->count];
    const char *why = NULL;
    item->record = *record;
    item->fate = BATCH_APPLY;
    item->traceparent = (struct bytes){0};
    item->is_withheld = false;
    enum event_decode_result result =
        event_decode(record->value, hand->decoded, &item->event, &why);
    if (result == EVENT_MALFORMED)
        set_aside(item, "malformed", why);
    *out = item;
    return result;
}

void hand_keep(struct hand *hand)
{
    struct record_view *record = &hand->items[hand->count].record;
    if (hand->count == 0)
        hand->since_us = now_monotonic_us();
    hand->bytes += record->key.len + record->value.len;
    record->key = arena_keep(&hand->copies, record->key);
    record->value = arena_keep(&hand->copies, record->value);
    record->handle = NULL;
    hand->count++;
}

void hand_set_traceparent(struct hand *hand, struct batch_event *item, struct bytes traceparent)
{
    item->traceparent = arena_keep(&hand->copies, traceparent);
}

void hand_drop(struct hand *hand)
{
    hand->count = 0;
    hand->bytes = 0;
    event_arena_reset(hand->decoded);
    arena_reset(&hand->copies);
}
