#include "services/store/id_window.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define ENTRY_LEN (EVENT_ID_LEN + 1) /* the id, then its table */

struct id_slot {
    uint32_t tag;   /* of the hash: most others are told apart without looking at their entry */
    uint32_t entry; /* its number + 1; 0: free */
};

struct id_set {
    uint8_t *entries; /* ENTRY_LEN each */
    struct id_slot *slots;
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

static uint64_t hash(const uint8_t entry[ENTRY_LEN])
{
    uint64_t high = 0;
    uint64_t low = 0;
    memcpy(&high, entry, sizeof(high));
    memcpy(&low, entry + sizeof(high), sizeof(low));
    uint64_t mixed = (high ^ low) * UINT64_C(0x9E3779B97F4A7C15) + entry[EVENT_ID_LEN];
    return mixed ^ mixed >> 29;
}

/* The slot that holds the entry, or the free one where it belongs. */
static struct id_slot *find_slot(const struct id_set *set, size_t mask,
                                 const uint8_t entry[ENTRY_LEN], uint64_t hashed)
{
    uint32_t tag = (uint32_t)(hashed >> 32);
    size_t slot = (size_t)hashed & mask;
    while (set->slots[slot].entry != 0 &&
           (set->slots[slot].tag != tag ||
            memcmp(set->entries + (size_t)(set->slots[slot].entry - 1) * ENTRY_LEN, entry,
                   ENTRY_LEN) != 0))
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
    memcpy(entry, event->id, EVENT_ID_LEN);
    entry[EVENT_ID_LEN] = table_of(event->kind);
    uint64_t hashed = hash(entry);
    bool is_known = (window->older.count > 0 &&
                     find_slot(&window->older, window->mask, entry, hashed)->entry != 0) ||
                    find_slot(&window->newer, window->mask, entry, hashed)->entry != 0;
    if (is_known)
        return false;
    if (window->newer.count == window->span)
        forget_older(window);
    struct id_slot *slot = find_slot(&window->newer, window->mask, entry, hashed);
    memcpy(window->newer.entries + window->newer.count * ENTRY_LEN, entry, ENTRY_LEN);
    *slot = (struct id_slot){(uint32_t)(hashed >> 32), (uint32_t)++window->newer.count};
    return true;
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
