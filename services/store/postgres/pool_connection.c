#include "services/store/postgres/pool_connection.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <stdlib.h>

#define BIGINT 20 /* the type's OID */
#define BINARY 1

static void set_state(struct pool_connection *connection, enum pool_connection_state state)
{
    connection->state = state;
    connection->since_ms = now_monotonic_ms();
}

static void break_off(struct pool_connection *connection, const char *doing)
{
    (void)err_set(&connection->error, ERR_RETRY, "%s: %s", doing, PQerrorMessage(connection->conn));
    set_state(connection, POOL_BROKEN);
    if (connection->watch != NULL)
        loop_watch_want(connection->watch, false, false);
}

static void on_socket(void *self, bool readable, bool writable);

/* libpq may change its socket while it connects. */
static void watch_socket(struct pool_connection *connection, bool readable, bool writable)
{
    loop_watch_free(connection->watch);
    connection->watch =
        loop_watch_new(connection->loop, PQsocket(connection->conn), on_socket, connection);
    loop_watch_want(connection->watch, readable, writable);
}

static void connected(struct pool_connection *connection)
{
    if (PQsetnonblocking(connection->conn, 1) != 0 || PQenterPipelineMode(connection->conn) != 1) {
        break_off(connection, "prepare the database connection");
        return;
    }
    set_state(connection, POOL_IDLE);
    watch_socket(connection, true, false); /* readable while idle: the server closed it */
}

static void go_on_connecting(struct pool_connection *connection)
{
    switch (PQconnectPoll(connection->conn)) {
    case PGRES_POLLING_READING:
        watch_socket(connection, true, false);
        return;
    case PGRES_POLLING_WRITING:
        watch_socket(connection, false, true);
        return;
    case PGRES_POLLING_OK:
        connected(connection);
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        break_off(connection, "connect to the database");
        break;
    }
    connection->changed(connection->self, connection);
}

/* Of the results of one pipeline the first error, else the rows, decides. */
static void keep(struct pool_connection *connection, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool decides = status == PGRES_TUPLES_OK || status == PGRES_FATAL_ERROR;
    if (status == PGRES_COMMAND_OK) /* the server has prepared the statement */
        connection->prepared |= 1U << connection->question->statement->slot;
    if (!decides || connection->result != NULL) {
        PQclear(result);
        return;
    }
    connection->result = result;
}

/* True: the pipeline's end was read. */
static bool read_results(struct pool_connection *connection)
{
    int ends = 0;
    while (!PQisBusy(connection->conn) && PQstatus(connection->conn) != CONNECTION_BAD) {
        PGresult *result = PQgetResult(connection->conn);
        if (result == NULL && ends++ == 0)
            continue; /* the end of one command of the pipeline */
        if (result == NULL)
            return false; /* nothing more is there: the connection is out of step */
        ends = 0;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return true;
        }
        keep(connection, result);
    }
    return false;
}

static void flush(struct pool_connection *connection)
{
    int rest = PQflush(connection->conn);
    if (rest < 0)
        break_off(connection, "send to the database");
    else
        loop_watch_want(connection->watch, true, rest > 0);
}

static void go_on_busy(struct pool_connection *connection)
{
    if (PQconsumeInput(connection->conn) != 1 || PQstatus(connection->conn) == CONNECTION_BAD) {
        break_off(connection, "read from the database");
    } else if (read_results(connection)) {
        set_state(connection, POOL_IDLE);
        loop_watch_want(connection->watch, true, false);
    } else {
        flush(connection);
        if (connection->state == POOL_BUSY)
            return;
    }
    connection->changed(connection->self, connection);
}

static void on_socket(void *self, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct pool_connection *connection = self;
    switch (connection->state) {
    case POOL_CONNECTING:
        go_on_connecting(connection);
        return;
    case POOL_BUSY:
        go_on_busy(connection);
        return;
    case POOL_IDLE:
        if (PQconsumeInput(connection->conn) == 1 && PQstatus(connection->conn) != CONNECTION_BAD)
            return; /* a notice or a changed parameter */
        break_off(connection, "idle database connection");
        connection->changed(connection->self, connection);
        return;
    case POOL_BROKEN:
        return;
    }
}

struct pool_connection *
pool_connection_open(struct loop *loop, const struct connect_options *options,
                     void (*changed)(void *self, struct pool_connection *connection), void *self)
{
    struct pool_connection *connection = mem_alloc(sizeof(*connection));
    connection->loop = loop;
    connection->changed = changed;
    connection->self = self;
    connection->conn = connect_start(options);
    set_state(connection, POOL_CONNECTING);
    if (PQstatus(connection->conn) == CONNECTION_BAD)
        break_off(connection, "connect to the database");
    else
        watch_socket(connection, false, true);
    return connection;
}

static bool send_question(struct pool_connection *connection, const struct pool_question *question)
{
    const struct pool_statement *statement = question->statement;
    uint32_t bit = 1U << statement->slot;
    Oid types[POOL_PARAMS_MAX];
    int formats[POOL_PARAMS_MAX];
    for (int i = 0; i < statement->param_count; i++) {
        types[i] = BIGINT;
        formats[i] = BINARY;
    }

    if (connection->prepared_version != statement->version) {
        connection->prepared_version = statement->version;
        connection->prepared = 0;
    }
    if ((connection->prepared & bit) == 0) {
        if (PQsendPrepare(connection->conn, statement->name, statement->sql, statement->param_count,
                          types) != 1)
            return false;
    }
    return PQsendQueryPrepared(connection->conn, statement->name, statement->param_count,
                               question->values, question->lengths, formats, BINARY) == 1 &&
           PQpipelineSync(connection->conn) == 1;
}

void pool_connection_ask(struct pool_connection *connection, struct pool_question *question)
{
    connection->question = question;
    question->connection = connection;
    set_state(connection, POOL_BUSY);
    if (send_question(connection, question))
        flush(connection);
    else
        break_off(connection, "send to the database");
}

void pool_connection_free(struct pool_connection *connection)
{
    loop_watch_free(connection->watch);
    PQclear(connection->result);
    PQfinish(connection->conn);
    free(connection);
}
