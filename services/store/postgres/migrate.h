/*
 * migrate: the schema of the database: bring it up to date, or check that it is.
 *
 * Migrations run in order, each in a transaction of its own with its row in
 * telefact.schema_migrations (version, name, checksum), under an advisory lock, so any number of
 * processes may migrate at once. Then generation 1, its views, the pointer and the bot are made,
 * once. A database that is newer than this build, or whose migrations were changed, is refused.
 */
#ifndef SERVICES_STORE_POSTGRES_MIGRATE_H
#define SERVICES_STORE_POSTGRES_MIGRATE_H

#include "libs/base/err.h"
#include "services/store/postgres/session_options.h"

struct session;

struct migrate_result {
    int applied;    /* migrations that were applied now */
    int version;    /* of the schema */
    int generation; /* the active one */
};

/* ERR_FATAL: refused, and why. ERR_RETRY: the database is unwell. */
MUST_CHECK bool migrate_run(struct session *session, int64_t bot_id, struct migrate_result *out,
                            struct err *err);

/* The same over a connection of its own. */
MUST_CHECK bool migrate_database(const struct session_options *options, int64_t bot_id,
                                 struct migrate_result *out, struct err *err);

/* The schema is exactly this build's, the bot is this one. */
MUST_CHECK bool migrate_check(struct session *session, int64_t bot_id, struct err *err);

#endif
