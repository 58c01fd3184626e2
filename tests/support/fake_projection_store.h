/*
 * fake_projection_store: a projection_store in memory, with the rules of the real one.
 *
 * Compare-and-set fences, ids that stay for ever, rows through the fold, dead letters. Scripted
 * failures come first: each waits for its turn and is used up.
 */
#ifndef TESTS_SUPPORT_FAKE_PROJECTION_STORE_H
#define TESTS_SUPPORT_FAKE_PROJECTION_STORE_H

#include "services/store/arena.h"
#include "services/store/ports.h"

#define FAKE_ROWS_MAX 512
#define FAKE_IDS_MAX 8192
#define FAKE_LETTERS_MAX 256
#define FAKE_FENCES_MAX 16
#define FAKE_BUCKETS_MAX 4096
#define FAKE_TEXTS_MAX 64
#define FAKE_TOPS_MAX 128

struct fake_texts { /* counts by text; none is zero */
    struct fold_text_count rows[FAKE_TEXTS_MAX];
    size_t count;
};

struct fake_letter {
    struct fold_place place;
    const char *cause;
    bool is_expired;
    bool is_withheld;
};

struct fake_projection_store {
    struct fence fences[FAKE_FENCES_MAX]; /* by partition; cluster_id "" until created */
    bool has_fence[FAKE_FENCES_MAX];
    struct fold_user users[FAKE_ROWS_MAX];
    size_t user_count;
    struct fold_profile profiles[FAKE_ROWS_MAX];
    size_t profile_count;
    struct fold_totals totals[FAKE_ROWS_MAX];
    size_t total_count;
    struct fold_bucket buckets[FAKE_BUCKETS_MAX]; /* none is all zeros */
    size_t bucket_count;
    struct fake_texts langs;
    struct fake_texts links;
    struct fold_top tops[FAKE_TOPS_MAX];
    size_t top_count;
    uint8_t ids[FAKE_IDS_MAX][EVENT_ID_LEN];
    size_t id_count;
    struct fake_letter letters[FAKE_LETTERS_MAX];
    size_t letter_count;
    struct fold_alias aliases[FAKE_ROWS_MAX]; /* each once */
    size_t alias_count;
    struct tombstone tombstones[FAKE_ROWS_MAX];
    size_t tombstone_count;
    struct fold_erasure erasures[FAKE_ROWS_MAX]; /* that were made, in order */
    size_t erasure_count;
    struct arena texts;

    /* Scripts. */
    bool is_bulk;                    /* full batches stay open */
    int undone_commits;              /* so many commits of open batches answer APPLY_UNDONE */
    int unwell_applies;              /* so many applies answer APPLY_UNWELL */
    int in_doubt_applies;            /* so many applies commit and answer APPLY_UNWELL */
    int unwell_opens;                /* so many opens fail */
    int unwell_tends;                /* so many looks at dead letters fail */
    int unwell_erases;               /* so many erases in past moments fail */
    int unwell_looks;                /* so many looks at the rebuild fail */
    struct rebuild_census rebuild;   /* what they find */
    int64_t bad_user;                /* a batch with an event of this user answers APPLY_BAD_ROW */
    int64_t bug_user;                /* likewise APPLY_BUG */
    void (*before_apply)(void *arg); /* or NULL */
    void *before_apply_arg;

    /* Counts. */
    int opens, closes, applies, commits, tends, past_erases;
    int lefts; /* batches that stayed open */
    size_t largest_batch;

    void *committed; /* all up to `texts`, as it was before the first open batch; NULL: none is open
                      */
};

void fake_projection_store_init(struct fake_projection_store *fake);
struct projection_store fake_projection_store_port(struct fake_projection_store *fake);
void fake_projection_store_done(struct fake_projection_store *fake);

const struct fold_user *fake_user(const struct fake_projection_store *fake, int64_t user_id);

#endif
