#include "services/store/id_window.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define ENTRY_LEN (EVENT_ID_LEN + 1) /* the id, then its table */

struct id_set {
    uint8_t *entries; /* ENTRY_LEN each */
    uint32_t *slots;  /* 0: free, else entry + 1 */
    size_t count;
};

/* The older set is forgotten as a whole when the newer one is full: nothing is ever taken out. */
struct id_window {
    struct id_set newer, older;
    size_t span;
    size_t mask; /* of the slots */
};

static void set_init(struct id_set *set, size_t span, size_t mask)
{
    set->entries = mem_array(span, ENTRY_LEN);
    set->slots = mem_array(mask + 1, sizeof(*set->slots));
}

static void set_done(struct id_set *set)
{
    free(set->entries);
    free(set->slots);
}

static void set_reset(struct id_set *set, size_t mask)
{
    if (set->count > 0)
        memset(set->slots, 0, (mask + 1) * sizeof(*set->slots));
    set->count = 0;
}

/* Where the permanent trace of a kind lies: videos, music, applied. */
static uint8_t table_of(enum event_kind kind)
{
    if (kind == EVENT_VIDEO_DOWNLOADED)
        return 1;
    return kind == EVENT_MUSIC_EXTRACTED ? 2 : 3;
}

static void make_entry(const struct event *event, uint8_t out[ENTRY_LEN])
{
    memcpy(out, event->id, EVENT_ID_LEN);
    out[EVENT_ID_LEN] = table_of(event->kind);
}

static size_t hash(const uint8_t entry[ENTRY_LEN])
{
    uint64_t high = 0;
    uint64_t low = 0;
    memcpy(&high, entry, sizeof(high));
    memcpy(&low, entry + sizeof(high), sizeof(low));
    uint64_t mixed = (high ^ low) * UINT64_C(0x9E3779B97F4A7C15) + entry[EVENT_ID_LEN];
    return (size_t)(mixed ^ mixed >> 32);
}

/* The slot that holds the entry, or the free one where it belongs. */
static uint32_t *slot_of(const struct id_set *set, size_t mask, const uint8_t entry[ENTRY_LEN])
{
    size_t slot = hash(entry) & mask;
    while (set->slots[slot] != 0 &&
           memcmp(set->entries + (size_t)(set->slots[slot] - 1) * ENTRY_LEN, entry, ENTRY_LEN) != 0)
        slot = (slot + 1) & mask;
    return &set->slots[slot];
}

struct id_window *id_window_new(size_t span)
{
    struct id_window *window = mem_alloc(sizeof(*window));
    size_t slots = 64;
    while (slots < 2 * span)
        slots *= 2;
    window->span = span;
    window->mask = slots - 1;
    set_init(&window->newer, span, window->mask);
    set_init(&window->older, span, window->mask);
    return window;
}

static void forget_older(struct id_window *window)
{
    struct id_set oldest = window->older;
    window->older = window->newer;
    window->newer = oldest;
    set_reset(&window->newer, window->mask);
}

bool id_window_put(struct id_window *window, const struct event *event)
{
    uint8_t entry[ENTRY_LEN];
    make_entry(event, entry);
    if (*slot_of(&window->older, window->mask, entry) != 0 ||
        *slot_of(&window->newer, window->mask, entry) != 0)
        return false;
    if (window->newer.count == window->span)
        forget_older(window);
    uint32_t *slot = slot_of(&window->newer, window->mask, entry);
    memcpy(window->newer.entries + window->newer.count * ENTRY_LEN, entry, ENTRY_LEN);
    *slot = (uint32_t)++window->newer.count;
    return true;
}

bool id_window_has(const struct id_window *window, const struct event *event)
{
    uint8_t entry[ENTRY_LEN];
    make_entry(event, entry);
    return *slot_of(&window->older, window->mask, entry) != 0 ||
           *slot_of(&window->newer, window->mask, entry) != 0;
}

void id_window_reset(struct id_window *window)
{
    set_reset(&window->newer, window->mask);
    set_reset(&window->older, window->mask);
}

void id_window_free(struct id_window *window)
{
    if (window == NULL)
        return;
    set_done(&window->newer);
    set_done(&window->older);
    free(window);
}
