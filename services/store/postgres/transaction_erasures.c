#include "services/store/postgres/transaction_erasures.h"

#include "services/store/postgres/network.h"

/* ---- facts and aliases, one erasure after the other ---- */

/* The last fact that was rewritten. */
struct piece {
    bool has_last;
    int64_t time_s;
    int64_t pk_id;
};

static bool take_piece(void *self, size_t number, PGresult *result, struct err *err)
{
    struct piece *piece = self;
    (void)number;
    (void)err;
    piece->has_last = PQntuples(result) == 1;
    if (piece->has_last) {
        piece->time_s = network_get64(PQgetvalue(result, 0, 0));
        piece->pk_id = network_get64(PQgetvalue(result, 0, 1));
    }
    return true;
}

static bool rewrite_piece(struct transaction *transaction, enum layout_statement statement,
                          const struct fold_erasure *erasure, struct piece *piece, struct err *err)
{
    char params[5][8];
    (void)network_put64(params[0], erasure->user_id);
    (void)network_put64(params[1], fold_pk_id(&erasure->place, 0));
    (void)network_put64(params[2], erasure->pseudonym);
    (void)network_put64(params[3], piece->time_s);
    (void)network_put64(params[4], piece->pk_id);
    const char *values[] = {params[0], params[1], params[2], params[3], params[4]};
    const int lengths[] = {8, 8, 8, 8, 8};
    struct session_params all = {values, lengths, 5};
    return pipeline_enter(&transaction->pipeline, err) &&
           pipeline_send(&transaction->pipeline, statement, &all, err) &&
           session_collect(transaction->pipeline.session, take_piece, piece, err);
}

/* All facts before the erasure, in pieces: no statement is longer for one person than for another.
 */
static bool rewrite_facts(struct transaction *transaction, enum layout_statement statement,
                          const struct fold_erasure *erasure, struct err *err)
{
    struct piece piece = {.has_last = true, .time_s = INT64_MIN, .pk_id = INT64_MIN};
    while (piece.has_last)
        if (!rewrite_piece(transaction, statement, erasure, &piece, err))
            return false;
    return true;
}

static bool rename_aliases(struct transaction *transaction, const struct fold_erasure *erasure,
                           struct err *err)
{
    char partition[4];
    char user_id[8];
    char pseudonym[8];
    (void)network_put32(partition, erasure->place.partition);
    (void)network_put64(user_id, erasure->user_id);
    (void)network_put64(pseudonym, erasure->pseudonym);
    const char *values[] = {partition, user_id, pseudonym};
    const int lengths[] = {4, 8, 8};
    struct session_params params = {values, lengths, 3};
    return pipeline_enter(&transaction->pipeline, err) &&
           pipeline_send(&transaction->pipeline, LAYOUT_RENAME_ALIASES, &params, err) &&
           session_collect(transaction->pipeline.session, NULL, NULL, err);
}

static bool defer(struct transaction *transaction, const struct fold_erasure *erasure,
                  struct err *err)
{
    char params[3][8];
    (void)network_put64(params[0], erasure->user_id);
    (void)network_put64(params[1], fold_pk_id(&erasure->place, 0));
    (void)network_put64(params[2], erasure->pseudonym);
    const char *values[] = {params[0], params[1], params[2]};
    const int lengths[] = {8, 8, 8};
    struct session_params all = {values, lengths, 3};
    return pipeline_enter(&transaction->pipeline, err) &&
           pipeline_send(&transaction->pipeline, LAYOUT_DEFER_ERASURE, &all, err) &&
           session_collect(transaction->pipeline.session, NULL, NULL, err);
}

static bool rewrite(struct transaction *transaction, const struct fold_erasure *erasure,
                    struct err *err)
{
    if (transaction->defers_erasures && (erasure->has_videos || erasure->has_music))
        return defer(transaction, erasure, err) && rename_aliases(transaction, erasure, err);
    if (erasure->has_videos && !(rewrite_facts(transaction, LAYOUT_ERASE_VIDEOS, erasure, err) &&
                                 rewrite_facts(transaction, LAYOUT_ERASE_UNDATED, erasure, err)))
        return false;
    if (erasure->has_music && !rewrite_facts(transaction, LAYOUT_ERASE_MUSIC, erasure, err))
        return false;
    return rename_aliases(transaction, erasure, err);
}

/* ---- rows ---- */

static bool drop_rows(struct transaction *transaction, struct err *err)
{
    const int64_t *users = NULL;
    const int64_t *profiles = NULL;
    size_t user_count = fold_gone_users(transaction->fold, &users);
    size_t profile_count = fold_gone_profiles(transaction->fold, &profiles);
    return pipeline_enter(&transaction->pipeline, err) &&
           pipeline_send_ids(&transaction->pipeline, LAYOUT_DROP_USERS,
                             (struct pipeline_ids){users, user_count}, err) &&
           pipeline_send_ids(&transaction->pipeline, LAYOUT_DROP_PROFILES,
                             (struct pipeline_ids){profiles, profile_count}, err) &&
           session_collect(transaction->pipeline.session, NULL, NULL, err);
}

bool transaction_erase(struct transaction *transaction, struct err *err)
{
    const struct fold_erasure *erasures = NULL;
    size_t count = fold_erasures(transaction->fold, &erasures);
    for (size_t i = 0; i < count; i++)
        if (!rewrite(transaction, &erasures[i], err))
            return false;
    return count == 0 || drop_rows(transaction, err);
}

/* ---- tombstones ---- */

/* Also of a duplicate: what comes after it was judged by it. */
static bool has_tombstone(const struct batch_event *event)
{
    return event->event.kind == EVENT_USER_ERASED && event->fate != BATCH_ASIDE;
}

static bool send_erasures(struct transaction *transaction, enum layout_statement statement,
                          void (*put)(struct layout_columns *, const struct batch_event *),
                          struct err *err)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++) {
        if (!has_tombstone(&batch->events[i]))
            continue;
        put(&transaction->pipeline.columns, &batch->events[i]);
        if (!pipeline_send_full(&transaction->pipeline, statement, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, statement, err);
}

bool transaction_send_tombstones(struct transaction *transaction, struct err *err)
{
    const struct fold_erasure *erasures = NULL;
    size_t count = fold_erasures(transaction->fold, &erasures);
    for (size_t i = 0; i < count; i++) {
        layout_put_letters_of(&transaction->pipeline.columns, &erasures[i]);
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_ERASE_LETTERS, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_ERASE_LETTERS, err) &&
           send_erasures(transaction, LAYOUT_PUT_TOMBSTONES, layout_put_tombstone, err) &&
           send_erasures(transaction, LAYOUT_ADD_ERASURES, layout_put_erasure, err);
}
