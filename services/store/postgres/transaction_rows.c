#include "services/store/postgres/transaction_rows.h"

#include "libs/base/fault.h"
#include "services/store/postgres/transaction_erasures.h"
#include "services/store/postgres/transaction_stats.h"

#include <stdlib.h>
#include <string.h>

#define BULK_ROWS 256 /* fewer go without COPY and without a check of their own before COMMIT */
#define LOAD(transaction) ((int64_t)(transaction)->batch->event_count)

/* Many rows are worth the round trips of COPY and of a check before COMMIT. */
static bool is_bulk(const struct transaction *transaction)
{
    return transaction->user_count >= BULK_ROWS && !transaction->batch->expect_duplicates;
}

static bool copy_new_users(struct transaction *transaction, struct err *err)
{
    struct copy *copy = &transaction->copy;
    char *sql = layout_copy_users_sql(transaction->generation);
    bool is_good = copy_begin(copy, transaction->pipeline.session, sql, err);
    for (size_t i = 0; is_good && i < transaction->user_count; i++)
        if (!transaction->users[i]->is_loaded)
            is_good = copy_put(copy, layout_copy_user(copy_room(copy), transaction->users[i]), err);
    free(sql);
    return is_good && copy_end(copy, err);
}

/* Rows of which only counters and flags changed. */
static bool is_set_in_place(const struct fold_user *row)
{
    return row->is_loaded && !row->is_registration_changed;
}

static bool send_users_in_place(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->user_count; i++) {
        if (!is_set_in_place(transaction->users[i]))
            continue;
        layout_put_counters(&transaction->pipeline.columns, transaction->users[i]);
        transaction->rows_set++;
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_SET_COUNTERS, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_SET_COUNTERS, err);
}

/* Those that are neither copied nor set in place; in a small batch: all. */
static bool send_users(struct transaction *transaction, struct err *err)
{
    bool is_whole = !is_bulk(transaction);
    for (size_t i = 0; i < transaction->user_count; i++) {
        const struct fold_user *row = transaction->users[i];
        if (!is_whole && (!row->is_loaded || !row->is_registration_changed))
            continue;
        layout_put_user(&transaction->pipeline.columns, row);
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_PUT_USERS, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_PUT_USERS, err);
}

static bool send_profiles(struct transaction *transaction, struct err *err)
{
    const struct fold_profile *const *profiles = NULL;
    size_t count = fold_changed_profiles(transaction->fold, &profiles);
    for (size_t i = 0; i < count; i++) {
        layout_put_profile(&transaction->pipeline.columns, profiles[i]);
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_PUT_PROFILES, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_PUT_PROFILES, err);
}

static bool send_aliases(struct transaction *transaction, struct err *err)
{
    const struct fold_alias *aliases = NULL;
    size_t count = fold_new_aliases(transaction->fold, &aliases);
    for (size_t i = 0; i < count; i++) {
        layout_put_alias(&transaction->pipeline.columns, &aliases[i]);
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_ADD_ALIASES, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_ADD_ALIASES, err);
}

static bool send_dead_letters(struct transaction *transaction, struct err *err)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++) {
        if (batch->events[i].fate != BATCH_ASIDE)
            continue;
        layout_put_dead_letter(&transaction->pipeline.columns, &batch->events[i]);
        if (!pipeline_send_full(&transaction->pipeline, LAYOUT_ADD_DEAD_LETTERS, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_ADD_DEAD_LETTERS, err);
}

bool transaction_set_aside(struct transaction *transaction, struct err *err)
{
    return pipeline_enter(&transaction->pipeline, err) && send_dead_letters(transaction, err) &&
           session_collect(transaction->pipeline.session, NULL, NULL, err);
}

/* COMMIT of a transaction that had failed succeeds, as a rollback. */
static bool take_last(void *self, size_t number, PGresult *result, struct err *err)
{
    struct transaction *transaction = self;
    if (pipeline_statement(&transaction->pipeline, number) == LAYOUT_SET_COUNTERS) {
        int64_t found = 0;
        (void)bytes_get_int64(bytes_of_text(PQcmdTuples(result)), &found);
        transaction->rows_found += (size_t)found;
    }
    return pipeline_statement(&transaction->pipeline, number) != LAYOUT_COMMIT ||
           strcmp(PQcmdStatus(result), "COMMIT") == 0 ||
           err_set(err, ERR_RETRY, "the transaction was rolled back");
}

/* Planted: counters are written after the facts were committed. */
static bool split(struct transaction *transaction, struct err *err)
{
    return !fault_planted("store.counter_outside_tx") ||
           (pipeline_send_plain(&transaction->pipeline, LAYOUT_COMMIT, err) &&
            pipeline_send_plain(&transaction->pipeline, LAYOUT_BEGIN, err));
}

static bool send_all_rows(struct transaction *transaction, struct err *err)
{
    transaction->rows_set = 0;
    transaction->rows_found = 0;
    return pipeline_enter(&transaction->pipeline, err) && split(transaction, err) &&
           (!is_bulk(transaction) || send_users_in_place(transaction, err)) &&
           send_users(transaction, err) && send_profiles(transaction, err) &&
           send_aliases(transaction, err) && send_dead_letters(transaction, err) &&
           transaction_send_tombstones(transaction, err) &&
           transaction_send_stats(transaction, err) &&
           session_flush(transaction->pipeline.session, err);
}

/* Every row set in place was there. */
static bool check_rows(struct transaction *transaction, struct err *err)
{
    if (!is_bulk(transaction))
        return true;
    if (!session_collect(transaction->pipeline.session, take_last, transaction, err))
        return false;
    if (transaction->rows_found != transaction->rows_set)
        return err_set(err, ERR_RETRY, "rows of users moved while they were written");
    return pipeline_enter(&transaction->pipeline, err);
}

bool transaction_finish(struct transaction *transaction, struct err *err)
{
    transaction->user_count = fold_changed_users(transaction->fold, &transaction->users);
    if (!transaction_erase(transaction, err))
        return false;
    if (is_bulk(transaction) && !copy_new_users(transaction, err))
        return false;
    if (!send_all_rows(transaction, err) || !check_rows(transaction, err))
        return false;
    fault_point("store.rows_written", LOAD(transaction));
    fault_point("store.before_commit", LOAD(transaction));
    if (!pipeline_send_plain(&transaction->pipeline, LAYOUT_COMMIT, err) ||
        !session_flush(transaction->pipeline.session, err))
        return false;
    fault_point("store.commit_sent", LOAD(transaction));
    return session_collect(transaction->pipeline.session, take_last, transaction, err);
}
