/*
 * session: one connection to PostgreSQL for a thread that may wait.
 *
 * libpq runs non-blocking; every wait is poll() with a deadline, so a hung server or a dead network
 * costs at most the time given. A session whose call failed is broken: free it and open another one
 * (after session_ok says so, it may be used on).
 *
 * Error texts are terse: DETAIL would quote rows. Not thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_SESSION_H
#define SERVICES_STORE_POSTGRES_SESSION_H

#include "libs/base/cleanup.h"
#include "libs/base/err.h"
#include "services/store/postgres/session_options.h"

#include <libpq-fe.h>

DEFINE_AUTO(result, PGresult *, PQclear)

struct session;

/* ERR_RETRY. */
MUST_CHECK bool session_open(const struct session_options *options, struct session **out,
                             struct err *err);
void session_free(struct session *session); /* NULL is fine */

PGconn *session_conn(struct session *session);

/* The connection is there and outside a failed transaction. */
bool session_ok(const struct session *session);

/* SQLSTATE and constraint of the last failure; "" when the server did not say. */
const char *session_sqlstate(const struct session *session);
const char *session_constraint(const struct session *session);

/* Run a text of one or more statements, without parameters. ERR_RETRY; see session_sqlstate. */
MUST_CHECK bool session_run(struct session *session, const char *sql, struct err *err);

struct session_texts {
    const char *const *values;
    int count;
};

/* Run one statement; params may be NULL. *out is owned by the caller. */
MUST_CHECK bool session_query(struct session *session, const char *sql,
                              const struct session_texts *params, PGresult **out, struct err *err);

/* ---- pipelines: send …, sync, collect ---- */

struct session_params {
    const char *const *values; /* binary */
    const int *lengths;
    int count;
};

MUST_CHECK bool session_enter_pipeline(struct session *session, struct err *err);
MUST_CHECK bool session_prepare(struct session *session, const char *name, const char *sql,
                                struct err *err);
/* Results are binary. */
MUST_CHECK bool session_send(struct session *session, const char *name,
                             const struct session_params *params, struct err *err);
/* Wait until everything sent has left, taking in what arrives meanwhile. */
MUST_CHECK bool session_flush(struct session *session, struct err *err);

/* Called for each statement's result in the order of sending; `result` is the caller's for the call
 * only. False with *err set ends the collecting as failed (after the pipeline has run empty). */
typedef bool (*session_result_fn)(void *self, size_t number, PGresult *result, struct err *err);

/* End the pipeline with a sync, collect all results and leave pipeline mode. */
MUST_CHECK bool session_collect(struct session *session, session_result_fn fn, void *self,
                                struct err *err);

/* ---- COPY … FROM STDIN ---- */

MUST_CHECK bool session_copy_begin(struct session *session, const char *sql, struct err *err);
MUST_CHECK bool session_copy_data(struct session *session, const char *data, size_t len,
                                  struct err *err);
MUST_CHECK bool session_copy_end(struct session *session, struct err *err);

#endif
