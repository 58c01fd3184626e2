/*
 * connect: how every connection of the store to PostgreSQL begins.
 *
 * Each has keepalives and bounded waits at the socket, UTF-8, terse errors (DETAIL would quote
 * rows), a fixed search_path and the server's own timeouts, so an abandoned statement ends by
 * itself. What the operator writes into the connection string wins over the socket settings only.
 */
#ifndef SERVICES_STORE_POSTGRES_CONNECT_H
#define SERVICES_STORE_POSTGRES_CONNECT_H

#include "libs/base/err.h"

#include <stdint.h>

struct pg_conn; /* libpq's PGconn: this header is also for those who do not see libpq */

struct connect_options {
    const char *conninfo;
    const char *application_name;
    bool is_writer; /* refuse servers that are read-only; others may only read */
    int64_t statement_timeout_ms;
    int64_t lock_timeout_ms;
};

/* ERR_FATAL unless libpq understands the connection string. The text never quotes it: libpq's own
 * would show pieces of a password that was not percent-encoded. */
MUST_CHECK bool connect_check(const char *conninfo, struct err *err);

/* A connection that has begun; go on with PQconnectPoll. Never NULL. */
struct pg_conn *connect_start(const struct connect_options *options);

#endif
