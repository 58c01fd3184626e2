#include "services/store/fold_stats.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* A bucket's key as one number, so that their order is that of the columns. */
#define LEVEL_SHIFT 58
#define BUCKET_SHIFT 24
#define PARTITION_SHIFT 4
#define PARTITION_MAX (1 << (BUCKET_SHIFT - PARTITION_SHIFT))

#define LEVELS 3
static const int64_t LENGTHS[LEVELS] = {FOLD_HOUR_S, FOLD_DAY_S, FOLD_32_DAYS_S};

static int16_t class_of(int64_t user_id)
{
    if (user_id == 0)
        return 0;
    return user_id > 0 ? 1 : 2;
}

static enum fold_count users_of(enum fold_count fact)
{
    if (fact == FOLD_VIDEOS)
        return FOLD_VIDEO_USERS;
    return fact == FOLD_IMAGES ? FOLD_IMAGE_USERS : FOLD_MUSIC_USERS;
}

/* ---- of all time ---- */

static struct fold_totals *totals_of(struct fold_stats *stats, const struct fold_user *row)
{
    int16_t chat_class = class_of(row->user_id);
    size_t cell = (size_t)row->partition * FOLD_CHAT_CLASSES + (size_t)chat_class;
    if (cell >= stats->totals_capacity) {
        size_t capacity = ((size_t)row->partition + 1) * FOLD_CHAT_CLASSES;
        stats->totals = mem_grow(stats->totals, capacity, sizeof(*stats->totals));
        stats->changed_totals = mem_grow(stats->changed_totals, capacity, sizeof(*stats->totals));
        memset(stats->totals + stats->totals_capacity, 0,
               (capacity - stats->totals_capacity) * sizeof(*stats->totals));
        stats->totals_capacity = capacity;
    }
    stats->totals[cell].partition = row->partition;
    stats->totals[cell].chat_class = chat_class;
    return &stats->totals[cell];
}

/* ---- by time ---- */

static struct fold_bucket *bucket_of(struct fold_stats *stats, const struct fold_user *row,
                                     int level, int64_t bucket)
{
    assert(row->partition < PARTITION_MAX);
    int16_t chat_class = class_of(row->user_id);
    int64_t key = ((int64_t)level + 1) << LEVEL_SHIFT | bucket << BUCKET_SHIFT |
                  (int64_t)row->partition << PARTITION_SHIFT | chat_class;
    size_t count_before = stats->bucket_map.count;
    size_t number = fold_map_put(&stats->bucket_map, key);
    if (number != count_before)
        return &stats->buckets[number];
    if (number >= stats->bucket_capacity) {
        stats->bucket_capacity = stats->bucket_map.capacity;
        stats->buckets = mem_grow(stats->buckets, stats->bucket_capacity, sizeof(*stats->buckets));
    }
    stats->buckets[number] = (struct fold_bucket){.level = (int16_t)(level + 1),
                                                  .chat_class = chat_class,
                                                  .partition = row->partition,
                                                  .bucket = bucket};
    return &stats->buckets[number];
}

static void add_at(struct fold_stats *stats, const struct fold_user *row, enum fold_count what,
                   int64_t time_s, int64_t by)
{
    if (fault_planted("store.border_belongs_before") && time_s > 0)
        time_s--;
    for (int level = 0; level < LEVELS && time_s != FOLD_NEVER; level++)
        bucket_of(stats, row, level, time_s / LENGTHS[level])->counts[what] += by;
}

/* From one time to a later one; most moves stay within a day or an hour. */
static void move(struct fold_stats *stats, const struct fold_user *row, enum fold_count what,
                 int64_t from_s, int64_t to_s)
{
    if (fault_planted("store.last_fact_stays") && from_s != FOLD_NEVER)
        return;
    for (int level = 0; level < LEVELS; level++) {
        int64_t to = to_s / LENGTHS[level];
        int64_t from = from_s == FOLD_NEVER ? FOLD_NEVER : from_s / LENGTHS[level];
        if (from == to)
            return; /* so it is in every longer bucket */
        bucket_of(stats, row, level, to)->counts[what]++;
        if (from != FOLD_NEVER)
            bucket_of(stats, row, level, from)->counts[what]--;
    }
}

/* ---- changes ---- */

void fold_stats_chat(struct fold_stats *stats, const struct fold_user *row, int64_t sign)
{
    if (row->is_stub)
        return;
    struct fold_totals *totals = totals_of(stats, row);
    totals->counts[FOLD_CHATS] += sign;
    totals->file_modes += row->file_mode ? sign : 0;
    add_at(stats, row, FOLD_CHATS, row->has_registered_at ? row->registered_at : FOLD_NEVER, sign);
    if (sign > 0 || !fault_planted("store.old_lang_stays"))
        fold_texts_add(&stats->langs, row->partition, row->lang, sign);
    if (row->link.data != NULL)
        fold_texts_add(&stats->links, 0, row->link, sign);
}

void fold_stats_fact(struct fold_stats *stats, const struct fold_user *row, enum fold_count what,
                     struct fold_tally *tally, int64_t time_s)
{
    struct fold_totals *totals = totals_of(stats, row);
    totals->counts[what]++;
    totals->counts[users_of(what)] += tally->count == 0 ? 1 : 0;
    bool is_dated = time_s != FOLD_NEVER || !fault_planted("store.unknown_time_counts");
    add_at(stats, row, what, is_dated ? time_s : 0, 1);
    tally->count++;
    if (time_s > tally->last_at) {
        move(stats, row, users_of(what), tally->last_at, time_s);
        tally->last_at = time_s;
    }
}

/* ---- results ---- */

static bool has_counts(const int64_t counts[FOLD_COUNTS])
{
    bool has_any = false;
    for (int i = 0; i < FOLD_COUNTS; i++)
        has_any = has_any || counts[i] != 0;
    return has_any;
}

size_t fold_stats_totals(struct fold_stats *stats, const struct fold_totals **out)
{
    size_t count = 0;
    for (size_t i = 0; i < stats->totals_capacity; i++)
        if (stats->totals[i].file_modes != 0 || has_counts(stats->totals[i].counts))
            stats->changed_totals[count++] = stats->totals[i];
    *out = stats->changed_totals;
    return count;
}

size_t fold_stats_buckets(struct fold_stats *stats, const struct fold_bucket **out)
{
    size_t count = 0;
    const int64_t *keys = fold_map_sorted(&stats->bucket_map);
    stats->changed_buckets =
        mem_grow(stats->changed_buckets, stats->bucket_map.count, sizeof(*stats->changed_buckets));
    for (size_t i = 0; i < stats->bucket_map.count; i++) {
        const struct fold_bucket *bucket =
            &stats->buckets[fold_map_find(&stats->bucket_map, keys[i])];
        if (has_counts(bucket->counts))
            stats->changed_buckets[count++] = *bucket;
    }
    *out = stats->changed_buckets;
    return count;
}

size_t fold_stats_bytes(const struct fold_stats *stats)
{
    return stats->bucket_map.count * 2 * sizeof(*stats->buckets) +
           (stats->langs.count + stats->links.count) * sizeof(*stats->langs.items);
}

void fold_stats_reset(struct fold_stats *stats)
{
    if (stats->totals_capacity > 0)
        memset(stats->totals, 0, stats->totals_capacity * sizeof(*stats->totals));
    fold_map_reset(&stats->bucket_map);
    fold_texts_reset(&stats->langs);
    fold_texts_reset(&stats->links);
}

void fold_stats_done(struct fold_stats *stats)
{
    free(stats->totals);
    free(stats->changed_totals);
    fold_map_done(&stats->bucket_map);
    free(stats->buckets);
    free(stats->changed_buckets);
    fold_texts_done(&stats->langs);
    fold_texts_done(&stats->links);
    *stats = (struct fold_stats){0};
}
