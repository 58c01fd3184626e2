/*
 * pool: a few non-blocking connections that answer single-statement questions on a loop.
 *
 * Keeps `min` connections and opens more, up to `max`, while questions wait; one that idles for a
 * minute beyond `min` is closed. A statement is prepared once a connection and travels together
 * with its first question, so every question is one round trip. At most queue_max questions wait. A
 * question whose deadline passes, or that is cancelled, gives up its connection: the query is
 * cancelled at the server and the connection is closed, so a late cancel can never hit somebody
 * else's question.
 *
 * Everything runs on the loop's thread. The host name in the connection string is resolved while
 * blocking: use an address or a local resolver where that matters.
 */
#ifndef SERVICES_STORE_POSTGRES_POOL_H
#define SERVICES_STORE_POSTGRES_POOL_H

#include "libs/base/err.h"
#include "libs/loop/loop.h"
#include "services/store/postgres/pool_options.h"

#include <libpq-fe.h>

#define POOL_PARAMS_MAX 16
#define POOL_STATEMENTS_MAX 32

struct pool;
struct pool_connection;

/* Parameters are bigint; they and results are binary. */
struct pool_statement {
    int slot; /* 0 .. POOL_STATEMENTS_MAX - 1, one for each statement */
    uint64_t
        version; /* another version of any statement makes connections prepare again; never falls */
    const char *name; /* unique for text and version */
    const char *sql;
    int param_count;
};

/* A question; the memory is the caller's and stays put until done or pool_cancel. */
struct pool_question {
    const struct pool_statement *statement;
    const char *values[POOL_PARAMS_MAX];
    int lengths[POOL_PARAMS_MAX];
    int64_t deadline_ms; /* monotonic */
    /* Once, never from inside pool_ask. result is PGRES_TUPLES_OK and lives until the return; NULL:
     * *err says why, sqlstate is the server's ("" when the connection failed). */
    void (*done)(struct pool_question *question, PGresult *result, const char *sqlstate,
                 const struct err *err);
    void *arg;
    /* The pool's own: */
    int64_t asked_us;
    struct pool_question *next;
    struct pool_connection *connection; /* NULL while it waits */
};

struct pool *pool_new(struct loop *loop, const struct pool_options *options);
void pool_ask(struct pool *pool, struct pool_question *question);
void pool_cancel(struct pool *pool, struct pool_question *question); /* done will not be called */
int pool_connected(const struct pool *pool);                         /* connections that are up */
void pool_free(struct pool *pool); /* questions left are dropped without done; NULL is fine */

#endif
