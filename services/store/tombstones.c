#include "services/store/tombstones.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

/* The subject is a hash already. */
static size_t slot_of(const struct tombstones *tombstones, int32_t partition,
                      const uint8_t subject[ERASURE_SUBJECT_LEN])
{
    size_t mask = tombstones->capacity * 2 - 1;
    size_t slot = 0;
    memcpy(&slot, subject, sizeof(slot));
    slot = (slot + (size_t)partition) & mask;
    for (; tombstones->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct tombstone *there = &tombstones->items[tombstones->slots[slot] - 1];
        if (there->partition == partition &&
            memcmp(there->subject, subject, ERASURE_SUBJECT_LEN) == 0)
            break;
    }
    return slot;
}

static void grow(struct tombstones *tombstones)
{
    tombstones->capacity = tombstones->capacity == 0 ? CAPACITY_FIRST : tombstones->capacity * 2;
    tombstones->items =
        mem_grow(tombstones->items, tombstones->capacity, sizeof(*tombstones->items));
    free(tombstones->slots);
    tombstones->slots = mem_array(tombstones->capacity * 2, sizeof(*tombstones->slots));
    for (size_t i = 0; i < tombstones->count; i++) {
        const struct tombstone *item = &tombstones->items[i];
        tombstones->slots[slot_of(tombstones, item->partition, item->subject)] = (uint32_t)i + 1;
    }
}

void tombstones_put(struct tombstones *tombstones, const struct tombstone *tombstone)
{
    if (tombstones->count == tombstones->capacity)
        grow(tombstones);
    size_t slot = slot_of(tombstones, tombstone->partition, tombstone->subject);
    if (tombstones->slots[slot] == 0) {
        tombstones->items[tombstones->count] = *tombstone;
        tombstones->slots[slot] = (uint32_t)++tombstones->count;
        return;
    }
    struct tombstone *there = &tombstones->items[tombstones->slots[slot] - 1];
    if (there->until_ms < tombstone->until_ms)
        there->until_ms = tombstone->until_ms;
}

void tombstones_reset(struct tombstones *tombstones)
{
    if (tombstones->count > 0)
        memset(tombstones->slots, 0, tombstones->capacity * 2 * sizeof(*tombstones->slots));
    tombstones->count = 0;
}

void tombstones_done(struct tombstones *tombstones)
{
    free(tombstones->items);
    free(tombstones->slots);
    *tombstones = (struct tombstones){0};
}

/* The id is erased in the partition, and time_ms is not after that. */
static bool is_late(const struct tombstones *tombstones, int32_t partition, int64_t id,
                    int64_t time_ms)
{
    uint8_t subject[ERASURE_SUBJECT_LEN];
    erasure_subject(id, subject);
    uint32_t number = tombstones->slots[slot_of(tombstones, partition, subject)];
    return number != 0 && time_ms <= tombstones->items[number - 1].until_ms;
}

struct tombstone tombstone_of(const struct event *erased, const struct fold_place *place)
{
    int64_t time_ms = fold_time_ms(erased, place);
    struct tombstone tombstone = {.partition = place->partition,
                                  .until_ms = time_ms != 0 ? time_ms : place->record_ms};
    erasure_subject(erased->subject_id, tombstone.subject);
    return tombstone;
}

bool tombstones_cover(const struct tombstones *tombstones, const struct event *event,
                      const struct fold_place *place)
{
    if (tombstones->count == 0 || event->kind == EVENT_USER_ERASED)
        return false;
    int64_t time_ms = fold_time_ms(event, place);
    if (event->kind != EVENT_CHAT_MIGRATED)
        return is_late(tombstones, place->partition, event->subject_id, time_ms);
    return is_late(tombstones, place->partition, event->migrated.old_id, time_ms) ||
           is_late(tombstones, place->partition, event->migrated.new_id, time_ms);
}

bool tombstones_cover_letter(const struct tombstones *tombstones, const struct event *event,
                             const struct fold_place *place, struct bytes key)
{
    int64_t id = 0;
    if (tombstones->count == 0)
        return false;
    bool is_decoded = event->kind != EVENT_NONE;
    int64_t time_ms = is_decoded ? fold_time_ms(event, place) : 0;
    return (is_decoded && tombstones_cover(tombstones, event, place)) ||
           (tombstone_key_id(key, &id) && is_late(tombstones, place->partition, id, time_ms));
}

bool tombstone_key_id(struct bytes key, int64_t *out_id)
{
    const char *colon = key.len == 0 ? NULL : memchr(key.data, ':', key.len);
    if (colon == NULL)
        return false;
    size_t at = (size_t)(colon - key.data) + 1;
    return bytes_get_int64((struct bytes){key.data + at, key.len - at}, out_id);
}
