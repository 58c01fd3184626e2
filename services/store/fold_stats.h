/*
 * fold_stats: what a batch changes in the statistics.
 *
 * A registered chat's share (chats, language, file mode, link, time of registration) is a function
 * of its row: it is taken out before the row changes and put back afterwards, so that every count
 * can be recounted from the rows. Facts add to the bucket of their time and move their user to it
 * when it is the user's last. Pure; not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_STATS_H
#define SERVICES_STORE_FOLD_STATS_H

#include "services/store/fold.h"
#include "services/store/fold_map.h"
#include "services/store/fold_texts.h"

struct fold_stats {             /* a zeroed struct is empty */
    struct fold_totals *totals; /* partition * FOLD_CHAT_CLASSES + chat_class */
    struct fold_totals *changed_totals;
    size_t totals_capacity;
    struct fold_map bucket_map;  /* of packed keys */
    struct fold_bucket *buckets; /* by the map's number */
    struct fold_bucket *changed_buckets;
    size_t bucket_capacity;
    struct fold_texts langs;
    struct fold_texts links;
};

/* Put in (sign 1) or take out (sign -1) what the row adds as a registered chat; a stub adds
 * nothing. The row's texts live until the reset. */
void fold_stats_chat(struct fold_stats *stats, const struct fold_user *row, int64_t sign);

/* A fact of the row's user at time_s (FOLD_NEVER: unknown), of which `tally` is the row's count:
 * counts it there too. `what`: FOLD_VIDEOS, FOLD_IMAGES or FOLD_MUSIC. */
void fold_stats_fact(struct fold_stats *stats, const struct fold_user *row, enum fold_count what,
                     struct fold_tally *tally, int64_t time_s);

/* The changes that are not zero, by partition and class; by level, bucket, partition and class. */
size_t fold_stats_totals(struct fold_stats *stats, const struct fold_totals **out);
size_t fold_stats_buckets(struct fold_stats *stats, const struct fold_bucket **out);

size_t fold_stats_bytes(const struct fold_stats *stats);
void fold_stats_reset(struct fold_stats *stats);
void fold_stats_done(struct fold_stats *stats);

#endif
