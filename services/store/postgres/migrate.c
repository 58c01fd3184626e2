#include "services/store/postgres/migrate.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "services/store/postgres/embedded.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKSUM_LEN 65 /* SHA-256 in hex and a NUL */
#define FIRST_GENERATION 1

/* Any number, the same in every build: "telefact" as ASCII. */
#define LOCK_SQL "SELECT pg_advisory_lock(8387229063812572020)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(8387229063812572020)"

static const char BOOTSTRAP_SQL[] = "CREATE SCHEMA IF NOT EXISTS telefact;"
                                    "CREATE TABLE IF NOT EXISTS telefact.schema_migrations ("
                                    " version integer PRIMARY KEY,"
                                    " name text NOT NULL,"
                                    " checksum text NOT NULL,"
                                    " applied_at timestamptz NOT NULL DEFAULT now())";

static int version_of(const struct embedded_file *file)
{
    int64_t version = 0;
    bool is_number =
        bytes_get_int64((struct bytes){file->name, strcspn(file->name, "_")}, &version);
    assert(is_number && version > 0);
    return (int)version;
}

/* The server hashes, so that no crypto library is needed for this alone. */
static bool checksum_of(struct session *session, const struct embedded_file *file,
                        char out[CHECKSUM_LEN], struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    const char *params[] = {file->text};
    if (!session_query(session, "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')",
                       &(struct session_texts){params, 1}, &result, err))
        return false;
    (void)snprintf(out, CHECKSUM_LEN, "%s", PQgetvalue(result, 0, 0));
    return true;
}

static int number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, row, column)), &number);
    return (int)number;
}

/* Compare what the database has with what this build brings. *out_missing: how many are not
 * applied. */
static bool compare(struct session *session, size_t *out_missing, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session,
                       "SELECT version, name, checksum FROM telefact.schema_migrations ORDER BY 1",
                       NULL, &result, err))
        return false;
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) {
        int version = number_at(result, row, 0);
        if ((size_t)row >= EMBEDDED_MIGRATIONS_COUNT)
            return err_set(err, ERR_FATAL,
                           "the database schema is newer (version %d, %s) than this build: upgrade "
                           "telefact-store",
                           version, PQgetvalue(result, row, 1));
        const struct embedded_file *file = &EMBEDDED_MIGRATIONS[row];
        char checksum[CHECKSUM_LEN];
        if (!checksum_of(session, file, checksum, err))
            return false;
        if (version != version_of(file) || strcmp(checksum, PQgetvalue(result, row, 2)) != 0)
            return err_set(err, ERR_FATAL,
                           "migration %d (%s) of the database is not the one of this build (%s): "
                           "use the build that made it, or another database",
                           version, PQgetvalue(result, row, 1), file->name);
    }
    *out_missing = EMBEDDED_MIGRATIONS_COUNT - (size_t)rows;
    return true;
}

/* ---- migrating ---- */

static bool apply_migration(struct session *session, const struct embedded_file *file,
                            struct err *err)
{
    char checksum[CHECKSUM_LEN];
    char version[12];
    (void)snprintf(version, sizeof(version), "%d", version_of(file));
    const char *params[] = {version, file->name, checksum};
    AUTO(result) PGresult *result = NULL;
    bool is_done =
        checksum_of(session, file, checksum, err) && session_run(session, "BEGIN", err) &&
        session_run(session, file->text, err) &&
        session_query(session, "INSERT INTO telefact.schema_migrations VALUES ($1, $2, $3)",
                      &(struct session_texts){params, 3}, &result, err) &&
        session_run(session, "COMMIT", err);
    return is_done || err_prefix(err, "migration %s", file->name);
}

static bool make_first_generation(struct session *session, struct err *err)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO telefact.generations (id, projection_version, state)"
                   " VALUES (%d, %d, 'live'); INSERT INTO telefact.active (generation) VALUES (%d)",
                   FIRST_GENERATION, PROJECTION_VERSION, FIRST_GENERATION);
    return session_run(session, "BEGIN", err) &&
           generation_make_tables(session, FIRST_GENERATION, err) &&
           generation_make_indexes(session, FIRST_GENERATION, err) &&
           generation_point_views(session, FIRST_GENERATION, err) &&
           session_run(session, sql, err) && session_run(session, "COMMIT", err);
}

static bool claim_for_bot(struct session *session, int64_t bot_id, struct err *err)
{
    char bot[24];
    (void)snprintf(bot, sizeof(bot), "%" PRId64, bot_id);
    const char *params[] = {bot};
    AUTO(result) PGresult *result = NULL;
    return session_query(
        session, "INSERT INTO telefact.identity (bot_id) VALUES ($1) ON CONFLICT DO NOTHING",
        &(struct session_texts){params, 1}, &result, err);
}

static bool has_rows(struct session *session, const char *sql, bool *out, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    *out = PQntuples(result) > 0;
    return true;
}

/* Everything that is done under the lock. */
static bool bring_up_to_date(struct session *session, int64_t bot_id, struct migrate_result *out,
                             struct err *err)
{
    size_t missing = 0;
    if (!session_run(session, BOOTSTRAP_SQL, err) || !compare(session, &missing, err))
        return false;
    size_t count = EMBEDDED_MIGRATIONS_COUNT;
    for (size_t i = count - missing; i < count; i++)
        if (!apply_migration(session, &EMBEDDED_MIGRATIONS[i], err))
            return false;

    bool has_generation = false;
    if (!has_rows(session, "SELECT FROM telefact.active", &has_generation, err))
        return false;
    if (!has_generation && !make_first_generation(session, err))
        return false;
    if (!claim_for_bot(session, bot_id, err) || !migrate_check(session, bot_id, err) ||
        !generation_active(session, &out->generation, err))
        return false;
    out->applied = (int)missing;
    out->version = version_of(&EMBEDDED_MIGRATIONS[count - 1]);
    return true;
}

bool migrate_run(struct session *session, int64_t bot_id, struct migrate_result *out,
                 struct err *err)
{
    struct migrate_result result = {0};
    if (!session_run(session, LOCK_SQL, err))
        return err_prefix(err, "wait for another migration");
    if (!bring_up_to_date(session, bot_id, &result, err))
        return false; /* the caller frees the session, and with it goes the lock */
    if (!session_run(session, UNLOCK_SQL, err))
        return false;
    *out = result;
    return true;
}

bool migrate_database(const struct session_options *options, int64_t bot_id,
                      struct migrate_result *out, struct err *err)
{
    struct session *session = NULL;
    if (!session_open(options, &session, err))
        return false;
    bool is_done = migrate_run(session, bot_id, out, err);
    session_free(session);
    return is_done;
}

/* ---- checking ---- */

static bool check_bot(struct session *session, int64_t bot_id, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session, "SELECT bot_id FROM telefact.identity", NULL, &result, err))
        return false;
    int64_t owner = 0;
    if (PQntuples(result) == 1)
        (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, 0, 0)), &owner);
    if (owner == bot_id)
        return true;
    return err_set(err, ERR_FATAL,
                   "the database belongs to bot %" PRId64 ", not to STORE_BOT_ID=%" PRId64
                   ": one database serves one bot",
                   owner, bot_id);
}

/* Names and links hold any character; a database of another encoding would refuse some of them. */
static bool check_encoding(struct session *session, struct err *err)
{
    const char *encoding = PQparameterStatus(session_conn(session), "server_encoding");
    if (encoding != NULL && strcmp(encoding, "UTF8") == 0)
        return true;
    return err_set(err, ERR_FATAL, "the database's encoding is %s: make it with ENCODING 'UTF8'",
                   encoding == NULL ? "unknown" : encoding);
}

bool migrate_check(struct session *session, int64_t bot_id, struct err *err)
{
    static const char FIND_SQL[] = "SELECT FROM pg_class WHERE relname = 'schema_migrations'"
                                   " AND relnamespace = (SELECT oid FROM pg_namespace"
                                   " WHERE nspname = 'telefact')";
    bool has_schema = false;
    size_t missing = 0;
    if (!check_encoding(session, err) || !has_rows(session, FIND_SQL, &has_schema, err))
        return false;
    if (has_schema && !compare(session, &missing, err))
        return false;
    if (!has_schema || missing > 0)
        return err_set(err, ERR_FATAL,
                       "the database schema is %s: run `telefact-store migrate` or set "
                       "STORE_MIGRATE_ON_START=true",
                       has_schema ? "older than this build" : "missing");
    return check_bot(session, bot_id, err);
}
