#include "services/store/postgres/writer.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/letters.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/past.h"
#include "services/store/postgres/pg_metrics.h"
#include "services/store/postgres/rebuild_look.h"
#include "services/store/postgres/session.h"
#include "services/store/postgres/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct writer {
    struct writer_options options;
    struct transaction transaction; /* its session is ours; NULL while closed */
    bool has_migrated;
    bool is_bulk; /* commits of this session need not be on disk */
};

static struct session *session_of(struct writer *writer)
{
    return writer->transaction.pipeline.session;
}

static void close_session(void *self)
{
    struct writer *writer = self;
    session_free(session_of(writer));
    writer->transaction.pipeline.session = NULL;
    transaction_forget(&writer->transaction);
    pg_metrics_writer(false);
}

/* ---- opening ---- */

static bool check_schema(struct writer *writer, struct session *session, struct err *err)
{
    if (writer->options.migrate_on_start && !writer->has_migrated) {
        struct migrate_result migrated;
        if (!migrate_run(session, writer->options.bot_id, &migrated, err))
            return false;
        writer->has_migrated = true;
    }
    return migrate_check(session, writer->options.bot_id, err);
}

static bool set_bulk(struct session *session, bool is_bulk, struct err *err)
{
    return session_run(session,
                       is_bulk ? "SET synchronous_commit = off" : "RESET synchronous_commit", err);
}

/* The session is there; does it still write what this process writes? */
static bool is_current(struct writer *writer, bool *out, struct err *err)
{
    struct generation_writing writing;
    if (!generation_find(session_of(writer), writer->options.rebuild, &writing, err))
        return false;
    *out = writing.generation == writer->transaction.generation &&
           writing.is_bulk == writer->is_bulk &&
           writing.defers_erasures == writer->transaction.defers_erasures;
    return true;
}

static bool begin_session(struct writer *writer, struct session *session, struct err *err)
{
    struct generation_writing writing;
    if (!check_schema(writer, session, err) ||
        !generation_find(session, writer->options.rebuild, &writing, err) ||
        !set_bulk(session, writing.is_bulk, err) || !transaction_prepare(session, &writing, err))
        return false;
    if (writer->transaction.generation != writing.generation)
        log_info("writing a generation", LOG_INT("generation", writing.generation));
    writer->transaction.generation = writing.generation;
    writer->is_bulk = writing.is_bulk;
    writer->transaction.defers_erasures = writing.defers_erasures;
    writer->transaction.open_bytes_max = writing.is_bulk ? writer->options.bulk_bytes : 0;
    writer->transaction.pipeline.session = session;
    pg_metrics_writer(true);
    return true;
}

static bool open_session(void *self, struct err *err)
{
    struct writer *writer = self;
    bool is_usable = false;
    if (session_of(writer) != NULL && session_ok(session_of(writer)) &&
        !is_current(writer, &is_usable, err)) {
        close_session(writer);
        return false;
    }
    if (is_usable)
        return true;
    close_session(writer);
    struct session *session = NULL;
    if (!session_open(&writer->options.session, &session, err))
        return false;
    if (begin_session(writer, session, err))
        return true;
    session_free(session);
    return false;
}

/* ---- a lock that nobody gives back ---- */

/* A process stopped inside its transaction keeps its locks although the group has given its
 * partitions to us; no timeout of the server ends one that hangs inside COPY. A session that waits
 * for its client for so long inside a transaction, to send or to take its answers, is such a one; a
 * busy one works. */
static void end_zombies(struct writer *writer)
{
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a"
                   " JOIN pg_locks l ON l.pid = a.pid AND l.granted AND l.locktype = 'relation'"
                   " AND l.mode = 'RowExclusiveLock' AND l.relation = 'g%d.fence'::regclass"
                   " WHERE a.pid <> pg_backend_pid() AND a.usename = current_user"
                   " AND a.wait_event IN ('ClientRead', 'ClientWrite')"
                   " AND a.xact_start < clock_timestamp() - %" PRId64 " * interval '1 ms'",
                   writer->transaction.generation, writer->options.zombie_after_ms);
    AUTO(result) PGresult *result = NULL;
    struct err err;
    if (!session_query(session_of(writer), sql, NULL, &result, &err))
        return; /* the next lock timeout tries again */
    if (PQntuples(result) > 0)
        log_warn("ended a transaction that held the position for too long",
                 LOG_INT("count", PQntuples(result)));
}

static bool roll_back(struct writer *writer)
{
    struct session *session = session_of(writer);
    struct err err;
    return PQpipelineStatus(session_conn(session)) == PQ_PIPELINE_OFF &&
           (session_ok(session) || session_run(session, "ROLLBACK", &err)) && session_ok(session);
}

/* Make the session usable again, or give it up. */
static void recover(struct writer *writer)
{
    bool is_blocked = strcmp(session_sqlstate(session_of(writer)), "55P03") == 0;
    if (!roll_back(writer)) {
        close_session(writer);
        return;
    }
    if (is_blocked)
        end_zombies(writer);
}

/* ---- fences ---- */

static bool send_fence_query(struct session *session, int32_t partition, const char *cluster_id,
                             struct err *err)
{
    char number[4];
    (void)network_put32(number, partition);
    const char *values[] = {number, cluster_id};
    const int lengths[] = {4, (int)strlen(cluster_id)};
    struct session_params create = {values, lengths, 2};
    struct session_params take = {values, lengths, 1};
    return session_send(session, layout_name(LAYOUT_CREATE_FENCE), &create, err) &&
           session_send(session, layout_name(LAYOUT_TAKE_FENCE), &take, err);
}

struct taking {
    const struct fence_query *query;
    struct fence *out;
    size_t taken;
    size_t tombstones_at; /* which result they are */
};

static void take_tombstones(struct tombstones *tombstones, const PGresult *result)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        struct tombstone tombstone;
        layout_get_tombstone(result, row, &tombstone);
        tombstones_put(tombstones, &tombstone);
    }
}

static bool take_fence(void *self, size_t number, PGresult *result, struct err *err)
{
    struct taking *taking = self;
    if (number == taking->tombstones_at) {
        take_tombstones(taking->query->tombstones, result);
        return true;
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return true; /* BEGIN, COMMIT and the creations */
    if (PQntuples(result) != 1 || taking->taken == taking->query->count)
        return err_set(err, ERR_RETRY, "a fence is missing");
    struct fence *fence = &taking->out[taking->taken];
    *fence = (struct fence){.partition = taking->query->partitions[taking->taken]};
    fence->next_offset = network_get64(PQgetvalue(result, 0, 0));
    fence->owner_epoch = network_get64(PQgetvalue(result, 0, 1));
    fence->last_record_ms = network_get64(PQgetvalue(result, 0, 2));
    if (PQgetlength(result, 0, 3) == FINGERPRINT_LEN)
        memcpy(fence->last_hash, PQgetvalue(result, 0, 3), FINGERPRINT_LEN);
    (void)snprintf(fence->cluster_id, sizeof(fence->cluster_id), "%.*s", PQgetlength(result, 0, 4),
                   PQgetvalue(result, 0, 4));
    fence->limit_offset =
        PQgetisnull(result, 0, 5) != 0 ? FENCE_NO_LIMIT : network_get64(PQgetvalue(result, 0, 5));
    taking->taken++;
    return true;
}

/* Behind the fences, when nobody else can commit any for these partitions. */
static bool send_tombstones_query(struct session *session, const struct fence_query *query,
                                  struct err *err)
{
    struct array partitions = {0};
    for (size_t i = 0; i < query->count; i++)
        array_int32(&partitions, query->partitions[i]);
    array_finish(&partitions, ARRAY_INT32);
    const char *values[] = {partitions.data};
    const int lengths[] = {(int)partitions.len};
    struct session_params params = {values, lengths, 1};
    bool is_sent = session_send(session, layout_name(LAYOUT_LOAD_TOMBSTONES), &params, err);
    array_done(&partitions);
    return is_sent;
}

static bool take_all(struct session *session, struct taking *taking, struct err *err)
{
    struct session_params none = {0};
    bool is_sent = session_enter_pipeline(session, err) &&
                   session_send(session, layout_name(LAYOUT_BEGIN), &none, err);
    for (size_t i = 0; is_sent && i < taking->query->count; i++)
        is_sent =
            send_fence_query(session, taking->query->partitions[i], taking->query->cluster_id, err);
    return is_sent && send_tombstones_query(session, taking->query, err) &&
           session_send(session, layout_name(LAYOUT_COMMIT), &none, err) &&
           session_collect(session, take_fence, taking, err) &&
           (taking->taken == taking->query->count || err_set(err, ERR_RETRY, "a fence is missing"));
}

static bool load_fences(void *self, const struct fence_query *query, struct fence *out,
                        struct err *err)
{
    struct writer *writer = self;
    struct taking taking = {.query = query, .out = out, .tombstones_at = 1 + 2 * query->count};
    tombstones_reset(query->tombstones);
    if (session_of(writer) == NULL)
        return err_set(err, ERR_RETRY, "not connected to the database");
    if (take_all(session_of(writer), &taking, err))
        return true;
    recover(writer);
    return err_prefix(err, "read the position");
}

static bool is_bulk(void *self)
{
    struct writer *writer = self;
    return writer->is_bulk;
}

static bool blames_batch(enum apply_result result)
{
    return result == APPLY_DUPLICATE || result == APPLY_BAD_ROW || result == APPLY_BUG;
}

/* What is left of a batch that failed, and of those open before it. */
static enum apply_result clean_up(struct writer *writer, enum apply_result result)
{
    bool was_open = writer->transaction.is_open;
    if (was_open && blames_batch(result) && transaction_undo_batch(&writer->transaction))
        return result;
    recover(writer);
    transaction_forget(&writer->transaction);
    return was_open && blames_batch(result) ? APPLY_UNDONE : result;
}

static enum apply_result apply(void *self, struct batch *batch, struct fold *fold, struct err *err)
{
    struct writer *writer = self;
    if (session_of(writer) == NULL) {
        (void)err_set(err, ERR_RETRY, "not connected to the database");
        return APPLY_UNWELL;
    }
    enum apply_result result = transaction_run(&writer->transaction, batch, fold, err);
    if (result == APPLY_COMMITTED || result == APPLY_OPEN)
        return result;
    result = clean_up(writer, result);
    if (!writer->transaction.is_open)
        fold_reset(fold);
    return result;
}

static bool tend_letters(void *self, int64_t expire_before_ms, struct letter_census *out,
                         struct err *err)
{
    struct writer *writer = self;
    if (session_of(writer) == NULL)
        return err_set(err, ERR_RETRY, "not connected to the database");
    if (letters_tend(session_of(writer), expire_before_ms, out, err))
        return true;
    recover(writer);
    return false;
}

static bool erase_past(void *self, int64_t *out, struct err *err)
{
    struct writer *writer = self;
    struct past past = {writer->options.session, writer->options.bot_id};
    if (session_of(writer) == NULL)
        return err_set(err, ERR_RETRY, "not connected to the database");
    if (past_erase_all(&past, session_of(writer), out, err))
        return true;
    recover(writer);
    return false;
}

static bool look_at_rebuild(void *self, struct rebuild_census *out, struct err *err)
{
    struct writer *writer = self;
    if (session_of(writer) == NULL)
        return err_set(err, ERR_RETRY, "not connected to the database");
    if (rebuild_look(session_of(writer), out, err))
        return true;
    recover(writer);
    return false;
}

struct writer *writer_new(const struct writer_options *options)
{
    struct writer *writer = mem_alloc(sizeof(*writer));
    writer->options = *options;
    return writer;
}

struct projection_store writer_port(struct writer *writer)
{
    return (struct projection_store){.open = open_session,
                                     .load_fences = load_fences,
                                     .is_bulk = is_bulk,
                                     .apply = apply,
                                     .tend_letters = tend_letters,
                                     .erase_past = erase_past,
                                     .look_at_rebuild = look_at_rebuild,
                                     .close = close_session,
                                     .self = writer};
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    close_session(writer);
    transaction_done(&writer->transaction);
    free(writer);
}
