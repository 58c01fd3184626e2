#include "services/store/postgres/transaction.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/sqlstate.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_OF_A_STATEMENT 4096 /* bounds the memory of one statement and its answer */
#define COPY_FROM 256            /* fewer facts go without COPY, which costs a round trip a table */
#define BULK_ROWS 256

/* Events of the batch in hand, for crash points. */
#define LOAD(transaction) ((int64_t)(transaction)->batch->event_count)

/* ---- sending ---- */

static bool send_params(struct transaction *transaction, enum layout_statement statement,
                        const struct session_params *params, struct err *err)
{
    if (transaction->plan_count == transaction->plan_capacity) {
        transaction->plan_capacity += 64;
        transaction->plan =
            mem_grow(transaction->plan, transaction->plan_capacity, sizeof(*transaction->plan));
    }
    transaction->plan[transaction->plan_count++] = (int)statement;
    return session_send(transaction->session, layout_name(statement), params, err);
}

static bool send_plain(struct transaction *transaction, enum layout_statement statement,
                       struct err *err)
{
    struct session_params none = {0};
    return send_params(transaction, statement, &none, err);
}

/* Send the rows put into the columns, if any, and begin anew. */
static bool send_columns(struct transaction *transaction, enum layout_statement statement,
                         struct err *err)
{
    struct layout_columns *columns = &transaction->columns;
    if (columns->arrays[0].count == 0)
        return true;
    layout_columns_finish(columns, statement);
    struct session_params params = {columns->values, columns->lengths, columns->count};
    bool is_sent = send_params(transaction, statement, &params, err);
    layout_columns_reset(columns);
    return is_sent;
}

/* As send_columns, once they are enough for a statement; waits until they have left, so that memory
 * stays small. */
static bool send_full_columns(struct transaction *transaction, enum layout_statement statement,
                              struct err *err)
{
    return transaction->columns.arrays[0].count < ROWS_OF_A_STATEMENT ||
           (send_columns(transaction, statement, err) && session_flush(transaction->session, err));
}

static bool enter_pipeline(struct transaction *transaction, struct err *err)
{
    transaction->plan_count = 0;
    return session_enter_pipeline(transaction->session, err);
}

/* ---- the first pipeline: fences, facts that need an answer, rows ---- */

static bool send_fence(struct transaction *transaction, const struct batch_fence *fence,
                       struct err *err)
{
    char partition[4];
    char before[8];
    char epoch[8];
    char next[8];
    char record_ms[8];
    (void)network_put32(partition, fence->before.partition);
    (void)network_put64(before, fence->before.next_offset);
    (void)network_put64(epoch, fence->before.owner_epoch);
    (void)network_put64(next, fence->next_offset);
    (void)network_put64(record_ms, fence->last_record_ms);
    const char *values[] = {partition, before,    epoch,
                            next,      record_ms, (const char *)fence->last_hash};
    const int lengths[] = {4, 8, 8, 8, 8, FINGERPRINT_LEN};
    struct session_params params = {values, lengths, 6};
    bool is_blind = fault_planted("store.no_fence") || fault_planted("store.stale_position");
    return send_params(transaction, is_blind ? LAYOUT_SET_FENCE : LAYOUT_MOVE_FENCE, &params, err);
}

static bool send_fences(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->batch->fence_count; i++)
        if (!send_fence(transaction, &transaction->batch->fences[i], err))
            return false;
    /* Planted: the position is durable before the data is. */
    return !fault_planted("store.no_fence") || (send_plain(transaction, LAYOUT_COMMIT, err) &&
                                                send_plain(transaction, LAYOUT_BEGIN, err));
}

static bool send_facts(struct transaction *transaction, enum layout_fact fact, struct err *err)
{
    const struct facts *facts = &transaction->facts;
    enum layout_statement statement = layout_add_fact(fact);
    for (size_t i = 0; i < facts->counts[fact]; i++) {
        layout_put_fact(&transaction->columns,
                        &transaction->batch->events[facts->keys[fact][i].index]);
        if (!send_full_columns(transaction, statement, err))
            return false;
    }
    return send_columns(transaction, statement, err);
}

static bool send_wanted(struct transaction *transaction, enum layout_statement statement,
                        const int64_t *ids, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        array_int64(&transaction->columns.arrays[0], ids[i]);
        if (!send_full_columns(transaction, statement, err))
            return false;
    }
    return send_columns(transaction, statement, err);
}

static bool send_loads(struct transaction *transaction, struct err *err)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].fate == BATCH_APPLY)
            fold_want(transaction->fold, &batch->events[i].event, &batch->events[i].record.place);
    const int64_t *ids = NULL;
    size_t count = fold_wanted_users(transaction->fold, &ids);
    if (!send_wanted(transaction, LAYOUT_LOAD_USERS, ids, count, err))
        return false;
    count = fold_wanted_profiles(transaction->fold, &ids);
    return send_wanted(transaction, LAYOUT_LOAD_PROFILES, ids, count, err);
}

static void take_users(struct fold *fold, const PGresult *result)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        struct fold_user user;
        layout_get_user(result, row, &user);
        fold_load_user(fold, &user);
    }
}

static void take_profiles(struct fold *fold, const PGresult *result)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        struct fold_profile profile;
        layout_get_profile(result, row, &profile);
        fold_load_profile(fold, &profile);
    }
}

static void take_fresh(struct transaction *transaction, enum layout_fact fact,
                       const PGresult *result)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        struct batch_event *event =
            facts_find(&transaction->facts, fact, transaction->batch, PQgetvalue(result, row, 0));
        assert(event != NULL);
        event->is_fresh = true;
    }
}

static bool take_first(void *self, size_t number, PGresult *result, struct err *err)
{
    struct transaction *transaction = self;
    (void)err;
    assert(number < transaction->plan_count);
    switch (transaction->plan[number]) {
    case LAYOUT_MOVE_FENCE:
    case LAYOUT_SET_FENCE:
        transaction->fences_moved += strcmp(PQcmdTuples(result), "1") == 0 ? 1 : 0;
        break;
    case LAYOUT_LOAD_USERS:
        take_users(transaction->fold, result);
        break;
    case LAYOUT_LOAD_PROFILES:
        take_profiles(transaction->fold, result);
        break;
    case LAYOUT_ADD_VIDEOS:
        take_fresh(transaction, LAYOUT_VIDEOS, result);
        break;
    case LAYOUT_ADD_MUSIC:
        take_fresh(transaction, LAYOUT_MUSIC, result);
        break;
    case LAYOUT_ADD_APPLIED:
        take_fresh(transaction, LAYOUT_APPLIED, result);
        break;
    default:
        break;
    }
    return true;
}

/* Facts that are to be copied are fresh unless the copying fails; the others are marked by their
 * answer. A sighting is always fresh. */
static void mark_fresh(struct batch *batch, bool is_copied)
{
    for (size_t i = 0; i < batch->event_count; i++) {
        struct batch_event *event = &batch->events[i];
        bool has_fact = layout_fact_of(event->event.kind) != LAYOUT_NO_FACT;
        event->is_fresh = event->fate == BATCH_APPLY && (is_copied || !has_fact);
        if (fault_planted("store.no_dedup"))
            event->is_fresh = event->fate == BATCH_APPLY;
    }
}

static bool begin(struct transaction *transaction, bool is_copied, struct err *err)
{
    transaction->fences_moved = 0;
    bool is_sent = enter_pipeline(transaction, err) && send_plain(transaction, LAYOUT_BEGIN, err) &&
                   send_fences(transaction, err);
    for (int fact = 0; is_sent && !is_copied && fact < LAYOUT_FACTS; fact++)
        is_sent = send_facts(transaction, (enum layout_fact)fact, err);
    if (!is_sent || !send_loads(transaction, err))
        return false;
    fault_point("store.begun", LOAD(transaction));
    return session_collect(transaction->session, take_first, transaction, err);
}

/* ---- facts by COPY ---- */

static bool copy_facts(struct transaction *transaction, enum layout_fact fact, struct err *err)
{
    if (transaction->facts.counts[fact] == 0)
        return true;
    struct copy *copy = &transaction->copy;
    const struct fact_key *keys = transaction->facts.keys[fact];
    char *sql = layout_copy_sql(fact, transaction->generation);
    bool is_good = copy_begin(copy, transaction->session, sql, err);
    for (size_t i = 0; is_good && i < transaction->facts.counts[fact]; i++)
        is_good = copy_put(
            copy, layout_copy_row(copy_room(copy), &transaction->batch->events[keys[i].index]),
            err);
    free(sql);
    return is_good && copy_end(copy, err);
}

/* ---- the second pipeline: rows, totals, dead letters, COMMIT ---- */

static void fold_fresh(struct transaction *transaction)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].is_fresh)
            fold_apply(transaction->fold, &batch->events[i].event, &batch->events[i].record.place);
}

/* Many rows are worth the round trips of COPY and of a check before COMMIT. */
static bool is_bulk(const struct transaction *transaction)
{
    return transaction->user_count >= BULK_ROWS && !transaction->batch->expect_duplicates;
}

static bool copy_new_users(struct transaction *transaction, struct err *err)
{
    struct copy *copy = &transaction->copy;
    char *sql = layout_copy_users_sql(transaction->generation);
    bool is_good = copy_begin(copy, transaction->session, sql, err);
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
        layout_put_counters(&transaction->columns, transaction->users[i]);
        transaction->rows_set++;
        if (!send_full_columns(transaction, LAYOUT_SET_COUNTERS, err))
            return false;
    }
    return send_columns(transaction, LAYOUT_SET_COUNTERS, err);
}

/* Those that are neither copied nor set in place; in a small batch: all. */
static bool send_users(struct transaction *transaction, struct err *err)
{
    bool is_whole = !is_bulk(transaction);
    for (size_t i = 0; i < transaction->user_count; i++) {
        const struct fold_user *row = transaction->users[i];
        if (!is_whole && (!row->is_loaded || !row->is_registration_changed))
            continue;
        layout_put_user(&transaction->columns, row);
        if (!send_full_columns(transaction, LAYOUT_PUT_USERS, err))
            return false;
    }
    return send_columns(transaction, LAYOUT_PUT_USERS, err);
}

static bool send_profiles(struct transaction *transaction, struct err *err)
{
    const struct fold_profile *const *profiles = NULL;
    size_t count = fold_changed_profiles(transaction->fold, &profiles);
    for (size_t i = 0; i < count; i++) {
        layout_put_profile(&transaction->columns, profiles[i]);
        if (!send_full_columns(transaction, LAYOUT_PUT_PROFILES, err))
            return false;
    }
    return send_columns(transaction, LAYOUT_PUT_PROFILES, err);
}

static bool send_totals(struct transaction *transaction, struct err *err)
{
    const struct fold_totals *totals = NULL;
    size_t count = fold_changed_totals(transaction->fold, &totals);
    for (size_t i = 0; i < count; i++)
        layout_put_totals(&transaction->columns, &totals[i]);
    return send_columns(transaction, LAYOUT_ADD_TOTALS, err);
}

static bool is_fresh_alias(const struct batch_event *event)
{
    return event->is_fresh && event->event.kind == EVENT_CHAT_MIGRATED;
}

static bool is_aside(const struct batch_event *event)
{
    return event->fate == BATCH_ASIDE;
}

/* Send what `put` makes of the events that `is_wanted`. */
static bool send_events(struct transaction *transaction, enum layout_statement statement,
                        bool (*is_wanted)(const struct batch_event *event),
                        void (*put)(struct layout_columns *, const struct batch_event *),
                        struct err *err)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++) {
        if (!is_wanted(&batch->events[i]))
            continue;
        put(&transaction->columns, &batch->events[i]);
        if (!send_full_columns(transaction, statement, err))
            return false;
    }
    return send_columns(transaction, statement, err);
}

/* COMMIT of a transaction that had failed succeeds, as a rollback. */
static bool take_last(void *self, size_t number, PGresult *result, struct err *err)
{
    struct transaction *transaction = self;
    assert(number < transaction->plan_count);
    if (transaction->plan[number] == LAYOUT_SET_COUNTERS) {
        int64_t found = 0;
        (void)bytes_get_int64(bytes_of_text(PQcmdTuples(result)), &found);
        transaction->rows_found += (size_t)found;
    }
    return transaction->plan[number] != LAYOUT_COMMIT ||
           strcmp(PQcmdStatus(result), "COMMIT") == 0 ||
           err_set(err, ERR_RETRY, "the transaction was rolled back");
}

/* Planted: counters are written after the facts were committed. */
static bool split(struct transaction *transaction, struct err *err)
{
    return !fault_planted("store.counter_outside_tx") ||
           (send_plain(transaction, LAYOUT_COMMIT, err) &&
            send_plain(transaction, LAYOUT_BEGIN, err));
}

static bool send_all_rows(struct transaction *transaction, struct err *err)
{
    transaction->rows_set = 0;
    transaction->rows_found = 0;
    return enter_pipeline(transaction, err) && split(transaction, err) &&
           (!is_bulk(transaction) || send_users_in_place(transaction, err)) &&
           send_users(transaction, err) && send_profiles(transaction, err) &&
           send_totals(transaction, err) &&
           send_events(transaction, LAYOUT_ADD_ALIASES, is_fresh_alias, layout_put_alias, err) &&
           send_events(transaction, LAYOUT_ADD_DEAD_LETTERS, is_aside, layout_put_dead_letter,
                       err) &&
           session_flush(transaction->session, err);
}

/* Every row set in place was there. */
static bool check_rows(struct transaction *transaction, struct err *err)
{
    if (!is_bulk(transaction))
        return true;
    if (!session_collect(transaction->session, take_last, transaction, err))
        return false;
    if (transaction->rows_found != transaction->rows_set)
        return err_set(err, ERR_RETRY, "rows of users moved while they were written");
    return enter_pipeline(transaction, err);
}

static bool finish(struct transaction *transaction, struct err *err)
{
    transaction->user_count = fold_changed_users(transaction->fold, &transaction->users);
    if (is_bulk(transaction) && !copy_new_users(transaction, err))
        return false;
    if (!send_all_rows(transaction, err) || !check_rows(transaction, err))
        return false;
    fault_point("store.rows_written", LOAD(transaction));
    fault_point("store.before_commit", LOAD(transaction));
    if (!send_plain(transaction, LAYOUT_COMMIT, err) || !session_flush(transaction->session, err))
        return false;
    fault_point("store.commit_sent", LOAD(transaction));
    return session_collect(transaction->session, take_last, transaction, err);
}

/* ---- the whole ---- */

static bool is_copy_worth(const struct transaction *transaction)
{
    const struct facts *facts = &transaction->facts;
    size_t count = 0;
    for (int fact = 0; fact < LAYOUT_FACTS; fact++)
        count += facts->counts[fact];
    return count >= COPY_FROM && !transaction->batch->expect_duplicates &&
           !fault_planted("store.no_dedup");
}

static bool write_batch(struct transaction *transaction, struct err *err)
{
    bool is_copied = is_copy_worth(transaction);
    mark_fresh(transaction->batch, is_copied);
    if (!begin(transaction, is_copied, err))
        return false;
    if (transaction->fences_moved != transaction->batch->fence_count) {
        transaction->is_fence_lost = true;
        return err_set(err, ERR_RETRY, "another owner moved the fence");
    }
    fault_point("store.fenced", LOAD(transaction));
    for (int fact = 0; is_copied && fact < LAYOUT_FACTS; fact++)
        if (!copy_facts(transaction, (enum layout_fact)fact, err))
            return false;
    fault_point("store.facts_written", LOAD(transaction));
    fold_fresh(transaction);
    fault_point("store.folded", LOAD(transaction));
    return finish(transaction, err);
}

enum apply_result transaction_run(struct transaction *transaction, struct batch *batch,
                                  struct fold *fold, struct err *err)
{
    transaction->batch = batch;
    transaction->fold = fold;
    fold_reset(fold);
    layout_columns_reset(&transaction->columns);
    facts_sort(&transaction->facts, batch);
    transaction->is_fence_lost = false;
    bool is_written = write_batch(transaction, err);
    fold_reset(fold);
    if (is_written)
        return APPLY_COMMITTED;
    if (transaction->is_fence_lost)
        return APPLY_FENCE_MOVED;
    return sqlstate_blame(session_sqlstate(transaction->session),
                          session_constraint(transaction->session));
}

void transaction_done(struct transaction *transaction)
{
    facts_done(&transaction->facts);
    layout_columns_done(&transaction->columns);
    copy_done(&transaction->copy);
    free(transaction->plan);
    *transaction = (struct transaction){0};
}
