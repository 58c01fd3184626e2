#include "services/store/postgres/verify.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/postgres/embedded.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/schema_sql.h"
#include "services/store/postgres/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64
#define SUFFIX ".sql"
#define LEAD "-- "
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

/* Whole tables are read, so none of what the other connections of the store do without; and a
 * cursor's whole answer is wanted, not its first rows. */
static const char BEGIN_SQL[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                "SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on;"
                                "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;"
                                "SET LOCAL cursor_tuple_fraction = 1";

static const char DECLARE_SQL[] = "DECLARE different NO SCROLL CURSOR FOR"
                                  " SELECT json_strip_nulls(row_to_json(found))::text FROM (";
static const char FETCH_SQL[] = "FETCH " TEXT_OF(VERIFY_EXAMPLES_MAX) " FROM different";

struct verify {
    struct session *session;
    int generation;
    const struct verify_listener *listener;
};

/* ---- one check ---- */

static void set_name(const struct embedded_file *file, char out[NAME_MAX_LEN])
{
    int len = (int)(strlen(file->name) - strlen(SUFFIX));
    int written = snprintf(out, NAME_MAX_LEN, "%.*s", len, file->name);
    assert(written == len);
}

static struct bytes first_line(const struct embedded_file *file)
{
    assert(strncmp(file->text, LEAD, strlen(LEAD)) == 0);
    const char *line = file->text + strlen(LEAD);
    return (struct bytes){line, strcspn(line, "\n")};
}

static bool declare(const struct verify *verify, const struct embedded_file *file, struct err *err)
{
    static const char END[] = ") AS found";
    char *check = schema_sql(file->text, verify->generation);
    size_t size = sizeof(DECLARE_SQL) + strlen(check) + sizeof(END);
    char *sql = mem_array(size, 1);
    (void)snprintf(sql, size, "%s%s%s", DECLARE_SQL, check, END);
    bool is_declared = session_run(verify->session, sql, err);
    free(sql);
    free(check);
    return is_declared;
}

/* How many rows there are after those that were fetched. */
static bool count_rest(const struct verify *verify, int64_t *out, struct err *err)
{
    AUTO(result) PGresult *moved = NULL;
    if (!session_query(verify->session, "MOVE FORWARD ALL IN different", NULL, &moved, err))
        return false;
    if (!bytes_get_int64(bytes_of_text(PQcmdTuples(moved)), out))
        return err_set(err, ERR_RETRY, "the database does not say how many rows there are");
    return session_run(verify->session, "CLOSE different", err);
}

static bool run_check(const struct verify *verify, const struct embedded_file *file,
                      struct err *err)
{
    char name[NAME_MAX_LEN];
    struct verify_finding finding = {.name = name, .compares = first_line(file)};
    int64_t begun_ms = now_monotonic_ms();
    AUTO(result) PGresult *examples = NULL;
    set_name(file, name);
    if (!declare(verify, file, err) ||
        !session_query(verify->session, FETCH_SQL, NULL, &examples, err) ||
        !count_rest(verify, &finding.differences, err))
        return err_prefix(err, "check %s", name);
    finding.example_count = (size_t)PQntuples(examples);
    finding.differences += PQntuples(examples);
    for (size_t i = 0; i < finding.example_count; i++)
        finding.examples[i] = PQgetvalue(examples, (int)i, 0);
    finding.took_ms = now_monotonic_ms() - begun_ms;
    verify->listener->find(verify->listener->self, &finding);
    return true;
}

/* ---- what is looked at ---- */

static bool check_generation(const struct verify *verify, struct err *err)
{
    char sql[128];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT projection_version = %d FROM telefact.generations WHERE id = %d",
                   PROJECTION_VERSION, verify->generation);
    if (!session_query(verify->session, sql, NULL, &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_FATAL, "there is no generation %d", verify->generation);
    if (PQgetvalue(result, 0, 0)[0] != 't')
        return err_set(err, ERR_FATAL,
                       "generation %d is of another projection version than this build",
                       verify->generation);
    return true;
}

static bool tell_subject(const struct verify *verify, int64_t bot_id, struct err *err)
{
    static const char FENCES_SQL[] =
        "SELECT string_agg(partition || ':' || next_offset, ',' ORDER BY partition)"
        " FROM :schema.fence";
    AUTO(result) PGresult *result = NULL;
    char *sql = schema_sql(FENCES_SQL, verify->generation);
    bool is_read = session_query(verify->session, sql, NULL, &result, err);
    free(sql);
    if (!is_read)
        return false;
    struct verify_subject subject = {
        .bot_id = bot_id, .generation = verify->generation, .position = PQgetvalue(result, 0, 0)};
    verify->listener->begin(verify->listener->self, &subject);
    return true;
}

static bool run(struct verify *verify, const struct verify_target *target, struct err *err)
{
    verify->generation = target->generation;
    if (!session_run(verify->session, BEGIN_SQL, err) ||
        !migrate_check(verify->session, target->bot_id, err) ||
        (verify->generation == 0 && !generation_active(verify->session, &verify->generation, err)))
        return false;
    if (!check_generation(verify, err) || !tell_subject(verify, target->bot_id, err))
        return false;
    for (size_t i = 0; i < EMBEDDED_CHECKS_COUNT; i++)
        if (!run_check(verify, &EMBEDDED_CHECKS[i], err))
            return false;
    return true;
}

bool verify_database(const struct session_options *options, const struct verify_target *target,
                     const struct verify_listener *listener, struct err *err)
{
    struct verify verify = {.listener = listener};
    if (!session_open(options, &verify.session, err))
        return false;
    bool is_done = run(&verify, target, err);
    session_free(verify.session); /* which ends the transaction */
    return is_done;
}
