#include "services/store/postgres/connect.h"

#include "libs/base/mem.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* Where a password that was not percent-encoded is cut in two, its rest is taken for a host or a
 * port, and failures to connect would show it. */
static bool is_place(const PQconninfoOption *option)
{
    const char *value = option->val == NULL ? "" : option->val;
    if (strcmp(option->keyword, "port") == 0)
        return value[strspn(value, "0123456789,")] == '\0';
    if (strcmp(option->keyword, "host") != 0)
        return true;
    return value[0] == '\0' ||
           strchr(value + 1, '@') == NULL; /* "@name" is a socket without file */
}

static bool have_places(const PQconninfoOption *options)
{
    bool have_all = true;
    for (; options->keyword != NULL; options++)
        have_all = have_all && is_place(options);
    return have_all;
}

bool connect_check(const char *conninfo, struct err *err)
{
    bool is_url =
        strncmp(conninfo, "postgresql://", 13) == 0 || strncmp(conninfo, "postgres://", 11) == 0;
    bool is_pairs = strstr(conninfo, "://") == NULL && strchr(conninfo, '=') != NULL;
    PQconninfoOption *options = NULL;
    char *text = NULL;
    if (is_url || is_pairs || conninfo[0] == '\0')
        options = PQconninfoParse(conninfo, &text);
    PQfreemem(text);
    bool is_good = options != NULL && have_places(options);
    PQconninfoFree(options);
    if (!is_good)
        return err_set(err, ERR_FATAL,
                       "the database's connection string is not understood; write "
                       "postgresql://user:password@host:port/database, with %%, /, @, : and # of "
                       "user and password percent-encoded");
    return true;
}

/* Notices go nowhere: libpq would print them to standard error. */
static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

PGconn *connect_start(const struct connect_options *options)
{
    char timeout_ms[24];
    char server[512];
    (void)snprintf(timeout_ms, sizeof(timeout_ms), "%" PRId64, options->statement_timeout_ms);
    /* Generic plans: planning for each array of ids would cost more than running. By index only: a
     * plan made while a table was small would compare every row with every id once it is large, and
     * for a page the planner, which does not see the parameters, would rather sort a whole table.
     * No JIT: it costs a second where the statement takes microseconds. No parallel workers, which
     * the planner would start for a guessed range: that takes longer than to read the real one. */
    (void)snprintf(
        server, sizeof(server),
        "-c statement_timeout=%" PRId64 " -c lock_timeout=%" PRId64
        " -c idle_in_transaction_session_timeout=%" PRId64
        " -c search_path=pg_catalog -c client_min_messages=warning -c jit=off"
        " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off %s",
        options->statement_timeout_ms, options->lock_timeout_ms, 2 * options->statement_timeout_ms,
        options->is_writer ? ""
                           : "-c default_transaction_read_only=on -c enable_bitmapscan=off"
                             " -c enable_hashjoin=off -c enable_mergejoin=off"
                             " -c max_parallel_workers_per_gather=0");
    /* What the user wrote wins over what stands before it. */
    const char *const keywords[] = {"keepalives_idle",           "keepalives_interval",
                                    "keepalives_count",          "tcp_user_timeout",
                                    "fallback_application_name", "dbname",
                                    "client_encoding",           "options",
                                    "target_session_attrs",      NULL};
    const char *const values[] = {"15",
                                  "5",
                                  "3",
                                  timeout_ms,
                                  options->application_name,
                                  options->conninfo,
                                  "UTF8",
                                  server,
                                  options->is_writer ? "read-write" : NULL,
                                  NULL};
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    if (conn == NULL)
        mem_exhausted();
    (void)PQsetErrorVerbosity(conn, PQERRORS_TERSE);
    (void)PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}
