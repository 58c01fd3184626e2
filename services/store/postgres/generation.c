#include "services/store/postgres/generation.h"

#include "libs/base/bytes.h"
#include "services/store/postgres/embedded.h"
#include "services/store/postgres/schema_sql.h"
#include "services/store/postgres/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAST_INDEXES 4 /* of past.sql */

static int number_at(const PGresult *result, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, 0, column)), &number);
    return (int)number;
}

/* ---- which one ---- */

/* The active one, else the newest one that is still fed; and what the active one is. */
static const char LIVE_SQL[] =
    "SELECT g.id, 0, 0, active.generation, of_active.projection_version FROM telefact.active"
    " JOIN telefact.generations AS of_active ON of_active.id = active.generation"
    " LEFT JOIN LATERAL (SELECT id FROM telefact.generations"
    " WHERE projection_version = $1 AND state IN ('live', 'retired')"
    " ORDER BY id = active.generation DESC, id DESC LIMIT 1) AS g ON true";

/* The rebuilt one while it is not active, else the newest one beside it. */
static const char REBUILD_SQL[] =
    "SELECT g.id, (g.state = 'building')::int,"
    " (to_regclass('g' || g.id || '.deferred_erasures') IS NOT NULL)::int FROM "
    "telefact.generations AS mine"
    " CROSS JOIN telefact.active"
    " LEFT JOIN LATERAL (SELECT id, state FROM telefact.generations"
    " WHERE projection_version = $1 AND state <> 'dropping'"
    " AND CASE WHEN active.generation = mine.id THEN state = 'retired' ELSE id = mine.id END"
    " ORDER BY id DESC LIMIT 1) AS g ON true WHERE mine.id = $2";

static bool find_live(struct session *session, PGresult **out, struct err *err)
{
    char version[12];
    (void)snprintf(version, sizeof(version), "%d", PROJECTION_VERSION);
    const char *params[] = {version};
    if (!session_query(session, LIVE_SQL, &(struct session_texts){params, 1}, out, err))
        return false;
    if (PQntuples(*out) != 1)
        return err_set(err, ERR_FATAL, "no generation is active: run `telefact-store migrate`");
    if (PQgetisnull(*out, 0, 0) != 0)
        return err_set(err, ERR_FATAL,
                       "the active generation %d has projection version %d, this build writes %d: "
                       "rebuild with `telefact-store replay start`, or use the build that made it",
                       number_at(*out, 3), number_at(*out, 4), PROJECTION_VERSION);
    return true;
}

static bool find_rebuilt(struct session *session, int rebuild, PGresult **out, struct err *err)
{
    char version[12];
    char id[12];
    (void)snprintf(version, sizeof(version), "%d", PROJECTION_VERSION);
    (void)snprintf(id, sizeof(id), "%d", rebuild);
    const char *params[] = {version, id};
    if (!session_query(session, REBUILD_SQL, &(struct session_texts){params, 2}, out, err))
        return false;
    if (PQntuples(*out) != 1 || PQgetisnull(*out, 0, 0) != 0)
        return err_set(err, ERR_FATAL,
                       "generation %d is gone, or it is active and none is kept beside it",
                       rebuild);
    return true;
}

bool generation_find(struct session *session, int rebuild, struct generation_writing *out,
                     struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (rebuild == 0 ? !find_live(session, &result, err)
                     : !find_rebuilt(session, rebuild, &result, err))
        return false;
    *out = (struct generation_writing){.generation = number_at(result, 0),
                                       .is_bulk = number_at(result, 1) != 0,
                                       .defers_erasures = number_at(result, 2) != 0};
    return true;
}

bool generation_active(struct session *session, int *out, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session, "SELECT generation FROM telefact.active", NULL, &result, err))
        return false;
    if (PQntuples(result) != 1)
        return err_set(err, ERR_FATAL, "no generation is active: run `telefact-store migrate`");
    *out = number_at(result, 0);
    return true;
}

/* ---- making ---- */

static const char *script_text(const char *name)
{
    const struct embedded_file *file = EMBEDDED_SCHEMA;
    while (strcmp(file->name, name) != 0)
        file++;
    return file->text;
}

static bool run_script(struct session *session, const char *name, int id, struct err *err)
{
    char *script = schema_sql(script_text(name), id);
    bool is_done = session_run(session, script, err);
    free(script);
    return is_done || err_prefix(err, "%s", name);
}

bool generation_make_tables(struct session *session, int id, struct err *err)
{
    return run_script(session, "generation.sql", id, err);
}

bool generation_begin_bulk(struct session *session, int id, struct err *err)
{
    return run_script(session, "bulk.sql", id, err);
}

bool generation_make_indexes(struct session *session, int id, struct err *err)
{
    return run_script(session, "indexes.sql", id, err);
}

bool generation_end_bulk(struct session *session, int id, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", id);
    const char *params[] = {number};
    if (!session_query(session, "SELECT to_regclass('g' || $1::int || '.deferred_erasures')",
                       &(struct session_texts){params, 1}, &result, err))
        return false;
    return PQgetisnull(result, 0, 0) != 0 || run_script(session, "end_bulk.sql", id, err);
}

/* Only the owner may even ask for one that is there, and the leader made them; whoever erases later
 * may be another role. */
bool generation_make_past_indexes(struct session *session, int id, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", id);
    const char *params[] = {number};
    if (!session_query(session,
                       "SELECT count(*) FROM pg_indexes WHERE schemaname = 'g' || $1::int"
                       " AND indexname IN ('users_subject', 'profiles_subject',"
                       " 'aliases_old_subject', 'aliases_new_subject')",
                       &(struct session_texts){params, 1}, &result, err))
        return false;
    return number_at(result, 0) == PAST_INDEXES || run_script(session, "past.sql", id, err);
}

bool generation_point_views(struct session *session, int id, struct err *err)
{
    return run_script(session, "views.sql", id, err);
}
