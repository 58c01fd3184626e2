#include "services/store/postgres/transaction.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/sqlstate.h"
#include "services/store/postgres/transaction_rows.h"

#include <assert.h>
#include <stdlib.h>

#define COPY_FROM 256 /* fewer facts go without COPY, which costs a round trip a table */
#define OPEN_MAX_MS 5000

/* Events of the batch in hand, for crash points. */
#define LOAD(transaction) ((int64_t)(transaction)->batch->event_count)

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
    return pipeline_send(&transaction->pipeline, is_blind ? LAYOUT_SET_FENCE : LAYOUT_MOVE_FENCE,
                         &params, err);
}

static bool send_fences(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->batch->fence_count; i++)
        if (!send_fence(transaction, &transaction->batch->fences[i], err))
            return false;
    /* Planted: the position is durable before the data is. */
    return !fault_planted("store.no_fence") ||
           (pipeline_send_plain(&transaction->pipeline, LAYOUT_COMMIT, err) &&
            pipeline_send_plain(&transaction->pipeline, LAYOUT_BEGIN, err));
}

static bool send_facts(struct transaction *transaction, enum layout_fact fact, struct err *err)
{
    const struct facts *facts = &transaction->facts;
    enum layout_statement statement = layout_add_fact(fact);
    for (size_t i = 0; i < facts->counts[fact]; i++) {
        layout_put_fact(&transaction->pipeline.columns,
                        &transaction->batch->events[facts->keys[fact][i].index]);
        if (!pipeline_send_full(&transaction->pipeline, statement, err))
            return false;
    }
    return pipeline_send_rows(&transaction->pipeline, statement, err);
}

static bool send_wanted_tops(struct transaction *transaction, struct err *err)
{
    const int32_t *partitions = NULL;
    size_t count = fold_wanted_tops(transaction->fold, &partitions);
    for (size_t i = 0; i < count; i++)
        array_int32(&transaction->pipeline.columns.arrays[0], partitions[i]);
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_LOAD_TOPS, err);
}

static bool send_loads(struct transaction *transaction, struct err *err)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].fate == BATCH_APPLY)
            fold_want(transaction->fold, &batch->events[i].event, &batch->events[i].record.place);
    const int64_t *ids = NULL;
    size_t count = fold_wanted_users(transaction->fold, &ids);
    if (!pipeline_send_ids(&transaction->pipeline, LAYOUT_LOAD_USERS,
                           (struct pipeline_ids){ids, count}, err))
        return false;
    count = fold_wanted_profiles(transaction->fold, &ids);
    return pipeline_send_ids(&transaction->pipeline, LAYOUT_LOAD_PROFILES,
                             (struct pipeline_ids){ids, count}, err) &&
           send_wanted_tops(transaction, err);
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

static void take_tops(struct fold *fold, const PGresult *result)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        struct fold_top top;
        layout_get_top(result, row, &top);
        fold_load_top(fold, &top);
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
    switch ((int)pipeline_statement(&transaction->pipeline, number)) {
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
    case LAYOUT_LOAD_TOPS:
        take_tops(transaction->fold, result);
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

static bool send_beginning(struct transaction *transaction, struct err *err)
{
    struct pipeline *pipeline = &transaction->pipeline;
    if (!transaction->is_open)
        return pipeline_send_plain(pipeline, LAYOUT_BEGIN, err);
    bool is_sent =
        !transaction->has_savepoint || pipeline_send_plain(pipeline, LAYOUT_RELEASE, err);
    transaction->has_savepoint = true;
    return is_sent && pipeline_send_plain(pipeline, LAYOUT_SAVE, err);
}

static bool begin(struct transaction *transaction, bool is_copied, struct err *err)
{
    transaction->fences_moved = 0;
    bool is_sent = pipeline_enter(&transaction->pipeline, err) &&
                   send_beginning(transaction, err) && send_fences(transaction, err);
    for (int fact = 0; is_sent && !is_copied && fact < LAYOUT_FACTS; fact++)
        is_sent = send_facts(transaction, (enum layout_fact)fact, err);
    if (!is_sent || !send_loads(transaction, err))
        return false;
    fault_point("store.begun", LOAD(transaction));
    if (!session_collect(transaction->pipeline.session, take_first, transaction, err))
        return false;
    fold_loaded(transaction->fold);
    return true;
}

/* ---- facts by COPY ---- */

static bool copy_facts(struct transaction *transaction, enum layout_fact fact, struct err *err)
{
    if (transaction->facts.counts[fact] == 0)
        return true;
    struct copy *copy = &transaction->copy;
    const struct fact_key *keys = transaction->facts.keys[fact];
    char *sql = layout_copy_sql(fact, transaction->generation);
    bool is_good = copy_begin(copy, transaction->pipeline.session, sql, err);
    for (size_t i = 0; is_good && i < transaction->facts.counts[fact]; i++)
        is_good = copy_put(
            copy, layout_copy_row(copy_room(copy), &transaction->batch->events[keys[i].index]),
            err);
    free(sql);
    fault_point("store.copying", LOAD(transaction));
    return is_good && copy_end(copy, err);
}

/* ---- the whole ---- */

static void fold_fresh(struct transaction *transaction)
{
    const struct batch *batch = transaction->batch;
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].is_fresh)
            fold_apply(transaction->fold, &batch->events[i].event, &batch->events[i].record.place);
}

static bool is_copy_worth(const struct transaction *transaction)
{
    const struct facts *facts = &transaction->facts;
    size_t count = 0;
    for (int fact = 0; fact < LAYOUT_FACTS; fact++)
        count += facts->counts[fact];
    return count >= COPY_FROM && !transaction->batch->expect_duplicates &&
           !fault_planted("store.no_dedup");
}

/* An erasure changes facts: what is folded must be written before. */
static bool stays_open(const struct transaction *transaction)
{
    const struct batch *batch = transaction->batch;
    bool is_young =
        !transaction->is_open || now_monotonic_ms() - transaction->open_since_ms < OPEN_MAX_MS;
    bool stays = batch->is_more_to_come && is_young &&
                 fold_bytes(transaction->fold) < transaction->open_bytes_max;
    for (size_t i = 0; stays && i < batch->event_count; i++)
        stays = batch->events[i].event.kind != EVENT_USER_ERASED;
    return stays;
}

static bool copy_all_facts(struct transaction *transaction, struct err *err)
{
    bool is_good = true;
    for (int fact = 0; is_good && fact < LAYOUT_FACTS; fact++)
        is_good = copy_facts(transaction, (enum layout_fact)fact, err);
    return is_good;
}

static void leave_open(struct transaction *transaction)
{
    if (!transaction->is_open)
        transaction->open_since_ms = now_monotonic_ms();
    transaction->is_open = true;
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
    if (is_copied && !copy_all_facts(transaction, err))
        return false;
    fault_point("store.facts_written", LOAD(transaction));
    bool is_left_open = stays_open(transaction);
    if (is_left_open && !transaction_set_aside(transaction, err))
        return false;
    transaction->is_folded = true;
    fold_fresh(transaction);
    fault_point("store.folded", LOAD(transaction));
    if (is_left_open)
        leave_open(transaction);
    else if (transaction_finish(transaction, err))
        transaction_forget(transaction);
    else
        return false;
    return true;
}

bool transaction_prepare(struct session *session, const struct generation_writing *writing,
                         struct err *err)
{
    if (!session_enter_pipeline(session, err))
        return false;
    for (int i = 0; i < LAYOUT_STATEMENTS; i++) {
        enum layout_statement statement = (enum layout_statement)i;
        if (statement == LAYOUT_DEFER_ERASURE && !writing->defers_erasures)
            continue; /* its table is not there */
        char *sql = layout_sql(statement, writing->generation);
        bool is_sent = session_prepare(session, layout_name(statement), sql, err);
        free(sql);
        if (!is_sent)
            return false;
    }
    return session_collect(session, NULL, NULL, err);
}

enum apply_result transaction_run(struct transaction *transaction, struct batch *batch,
                                  struct fold *fold, struct err *err)
{
    transaction->batch = batch;
    transaction->fold = fold;
    if (!transaction->is_open)
        fold_reset(fold);
    layout_columns_reset(&transaction->pipeline.columns);
    facts_sort(&transaction->facts, batch);
    transaction->is_fence_lost = false;
    transaction->is_folded = false;
    bool is_written = write_batch(transaction, err);
    if (!transaction->is_open)
        fold_reset(fold);
    if (is_written)
        return transaction->is_open ? APPLY_OPEN : APPLY_COMMITTED;
    if (transaction->is_fence_lost)
        return APPLY_FENCE_MOVED;
    return sqlstate_blame(session_sqlstate(transaction->pipeline.session),
                          session_constraint(transaction->pipeline.session));
}

bool transaction_undo_batch(struct transaction *transaction)
{
    struct session *session = transaction->pipeline.session;
    struct err err;
    return transaction->has_savepoint && !transaction->is_folded &&
           PQpipelineStatus(session_conn(session)) == PQ_PIPELINE_OFF &&
           session_run(session, "ROLLBACK TO SAVEPOINT batch", &err) &&
           PQtransactionStatus(session_conn(session)) == PQTRANS_INTRANS;
}

void transaction_forget(struct transaction *transaction)
{
    transaction->is_open = false;
    transaction->has_savepoint = false;
}

void transaction_done(struct transaction *transaction)
{
    facts_done(&transaction->facts);
    pipeline_done(&transaction->pipeline);
    copy_done(&transaction->copy);
    *transaction = (struct transaction){0};
}
