#include "services/store/postgres/session.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/postgres/connect.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 5000 /* after the server's own timeout should have fired */
#define CONSTRAINT_MAX 64

struct session {
    PGconn *conn;
    int64_t wait_ms; /* longest wait for one answer */
    char sqlstate[6];
    char constraint[CONSTRAINT_MAX];
};

static bool fail(struct session *session, struct err *err, const char *doing)
{
    session->sqlstate[0] = '\0';
    session->constraint[0] = '\0';
    return err_set(err, ERR_RETRY, "%s: %s", doing, PQerrorMessage(session->conn));
}

static bool fail_result(struct session *session, const PGresult *result, struct err *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    (void)snprintf(session->sqlstate, sizeof(session->sqlstate), "%s", state == NULL ? "" : state);
    (void)snprintf(session->constraint, sizeof(session->constraint), "%s",
                   constraint == NULL ? "" : constraint);
    return err_set(err, ERR_RETRY, "database: %s (%s)", PQresultErrorMessage(result),
                   session->sqlstate);
}

static bool wait_socket(struct session *session, short events, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        int64_t left = deadline_ms - now_monotonic_ms();
        if (left <= 0)
            return fail(session, err, "the database did not answer in time");
        struct pollfd watched = {.fd = PQsocket(session->conn), .events = events};
        int ready = poll(&watched, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return err_set(err, ERR_RETRY, "poll: %s", strerror(errno));
    }
}

/* ---- connecting ---- */

static bool finish_connecting(struct session *session, int64_t deadline_ms, struct err *err)
{
    if (PQstatus(session->conn) == CONNECTION_BAD)
        return fail(session, err, "connect to the database");
    PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
    while (polled != PGRES_POLLING_OK) {
        if (polled == PGRES_POLLING_FAILED)
            return fail(session, err, "connect to the database");
        short events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_socket(session, events, deadline_ms, err))
            return err_prefix(err, "connect to the database");
        polled = PQconnectPoll(session->conn);
    }
    return PQsetnonblocking(session->conn, 1) == 0 || fail(session, err, "connect to the database");
}

bool session_open(const struct session_options *options, struct session **out, struct err *err)
{
    struct session *session = mem_alloc(sizeof(*session));
    session->wait_ms = options->statement_timeout_ms + GRACE_MS;
    session->conn = connect_start(&(struct connect_options){
        .conninfo = options->conninfo,
        .application_name = options->application_name,
        .is_writer = options->is_writer,
        .statement_timeout_ms = options->statement_timeout_ms,
        .lock_timeout_ms = options->lock_timeout_ms,
    });
    if (!finish_connecting(session, now_monotonic_ms() + options->connect_timeout_ms, err)) {
        session_free(session);
        return false;
    }
    *out = session;
    return true;
}

void session_free(struct session *session)
{
    if (session == NULL)
        return;
    PQfinish(session->conn);
    free(session);
}

PGconn *session_conn(struct session *session)
{
    return session->conn;
}

bool session_ok(const struct session *session)
{
    return PQstatus(session->conn) == CONNECTION_OK &&
           PQtransactionStatus(session->conn) == PQTRANS_IDLE &&
           PQpipelineStatus(session->conn) == PQ_PIPELINE_OFF;
}

const char *session_sqlstate(const struct session *session)
{
    return session->sqlstate;
}

const char *session_constraint(const struct session *session)
{
    return session->constraint;
}

/* ---- sending and receiving ---- */

bool session_flush(struct session *session, struct err *err)
{
    int64_t deadline_ms = now_monotonic_ms() + session->wait_ms;
    for (;;) {
        int left = PQflush(session->conn);
        if (left == 0)
            return true;
        if (left < 0)
            return fail(session, err, "send to the database");
        /* A server that cannot get rid of its answers stops reading: take them in. */
        if (!wait_socket(session, POLLIN | POLLOUT, deadline_ms, err))
            return false;
        if (PQconsumeInput(session->conn) != 1)
            return fail(session, err, "read from the database");
    }
}

/* The next result without blocking for longer than wait_ms; *out NULL: the end of a statement. */
static bool next_result(struct session *session, PGresult **out, struct err *err)
{
    int64_t deadline_ms = now_monotonic_ms() + session->wait_ms;
    while (PQisBusy(session->conn)) {
        if (!wait_socket(session, POLLIN, deadline_ms, err))
            return false;
        if (PQconsumeInput(session->conn) != 1)
            return fail(session, err, "read from the database");
    }
    *out = PQgetResult(session->conn);
    return true;
}

static bool is_failure(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* Read to the end of the command; the last good result goes to *out (may be NULL), the first
 * failure decides. */
static bool finish_command(struct session *session, PGresult **out, struct err *err)
{
    bool is_good = true;
    for (;;) {
        AUTO(result) PGresult *result = NULL;
        if (!next_result(session, &result, err))
            return false;
        if (result == NULL)
            return is_good;
        if (is_failure(result)) {
            is_good = is_good && fail_result(session, result, err);
        } else if (out != NULL) {
            PQclear(*out);
            *out = result;
            result = NULL;
        }
    }
}

bool session_run(struct session *session, const char *sql, struct err *err)
{
    if (PQsendQuery(session->conn, sql) != 1)
        return fail(session, err, "send to the database");
    return session_flush(session, err) && finish_command(session, NULL, err);
}

bool session_query(struct session *session, const char *sql, const struct session_texts *params,
                   PGresult **out, struct err *err)
{
    int count = params != NULL ? params->count : 0;
    const char *const *values = params != NULL ? params->values : NULL;
    if (PQsendQueryParams(session->conn, sql, count, NULL, values, NULL, NULL, 0) != 1)
        return fail(session, err, "send to the database");
    AUTO(result) PGresult *result = NULL;
    if (!session_flush(session, err) || !finish_command(session, &result, err))
        return false;
    *out = result;
    result = NULL;
    return true;
}

/* ---- pipelines ---- */

bool session_enter_pipeline(struct session *session, struct err *err)
{
    return PQenterPipelineMode(session->conn) == 1 || fail(session, err, "start a pipeline");
}

bool session_prepare(struct session *session, const char *name, const char *sql, struct err *err)
{
    return PQsendPrepare(session->conn, name, sql, 0, NULL) == 1 ||
           fail(session, err, "send to the database");
}

bool session_send(struct session *session, const char *name, const struct session_params *params,
                  struct err *err)
{
    static const int BINARY[32] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    return PQsendQueryPrepared(session->conn, name, params->count, params->values, params->lengths,
                               BINARY, 1) == 1 ||
           fail(session, err, "send to the database");
}

struct collecting {
    session_result_fn fn;
    void *self;
    size_t number;
    bool is_good;
    bool is_done;
};

static void take_result(struct session *session, struct collecting *collecting, PGresult *result,
                        struct err *err)
{
    switch ((int)PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        collecting->is_done = true;
        return;
    case PGRES_PIPELINE_ABORTED: /* what came before it failed and was reported */
        return;
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
        collecting->is_good = collecting->is_good && fail_result(session, result, err);
        return;
    default:
        if (collecting->is_good && collecting->fn != NULL)
            collecting->is_good = collecting->fn(collecting->self, collecting->number, result, err);
    }
}

bool session_collect(struct session *session, session_result_fn fn, void *self, struct err *err)
{
    if (PQpipelineSync(session->conn) != 1)
        return fail(session, err, "send to the database");
    session->sqlstate[0] = '\0';
    session->constraint[0] = '\0';
    if (!session_flush(session, err))
        return false;
    struct collecting collecting = {.fn = fn, .self = self, .is_good = true};
    while (!collecting.is_done) {
        AUTO(result) PGresult *result = NULL;
        if (!next_result(session, &result, err))
            return false;
        if (result != NULL)
            take_result(session, &collecting, result, err);
        else if (PQstatus(session->conn) == CONNECTION_OK)
            collecting.number++;
        else
            return fail(session, err, "read from the database");
    }
    if (PQexitPipelineMode(session->conn) != 1)
        return fail(session, err, "end a pipeline");
    return collecting.is_good;
}

/* ---- COPY ---- */

bool session_copy_begin(struct session *session, const char *sql, struct err *err)
{
    if (PQsendQuery(session->conn, sql) != 1)
        return fail(session, err, "send to the database");
    AUTO(result) PGresult *result = NULL;
    if (!session_flush(session, err) || !next_result(session, &result, err))
        return false;
    if (PQresultStatus(result) == PGRES_COPY_IN)
        return true;
    (void)(result == NULL ? fail(session, err, "start to copy")
                          : fail_result(session, result, err));
    struct err later;
    (void)finish_command(session, NULL, &later);
    return false;
}

bool session_copy_data(struct session *session, const char *data, size_t len, struct err *err)
{
    if (PQputCopyData(session->conn, data, (int)len) != 1)
        return fail(session, err, "copy to the database");
    return session_flush(session, err);
}

bool session_copy_end(struct session *session, struct err *err)
{
    if (PQputCopyEnd(session->conn, NULL) != 1)
        return fail(session, err, "copy to the database");
    return session_flush(session, err) && finish_command(session, NULL, err);
}
