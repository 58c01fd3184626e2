#include "services/store/postgres/generations.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/generations_state.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/past.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(12) * 3600 * 1000) /* an index over everything */
#define AWAIT_POLL_MS 5

/* Any number, the same in every build; with the generation as the second key. */
#define LEAD_SQL "SELECT pg_try_advisory_lock(1952804452, $1::int)"

/* ---- statements ---- */

bool generations_run(struct session *session, int id, const char *fmt, struct err *err)
{
    char sql[GENERATION_SQL_MAX];
    char number[12];
    size_t len = 0;
    (void)snprintf(number, sizeof(number), "%d", id);
    for (const char *at = fmt; *at != '\0'; at++) {
        bool is_mark = at[0] == '%' && at[1] == 'd';
        const char *piece = is_mark ? number : at;
        size_t piece_len = is_mark ? strlen(number) : 1;
        if (len + piece_len >= sizeof(sql))
            return err_set(err, ERR_FATAL, "a statement is too long");
        memcpy(sql + len, piece, piece_len);
        len += piece_len;
        at += is_mark ? 1 : 0;
    }
    sql[len] = '\0';
    return session_run(session, sql, err);
}

static bool query_by_id(struct session *session, const char *sql, int id, PGresult **out,
                        struct err *err)
{
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", id);
    const char *params[] = {number};
    return session_query(session, sql, &(struct session_texts){params, 1}, out, err);
}

static struct bytes text_at(const PGresult *result, int row, int column)
{
    return (struct bytes){PQgetvalue(result, row, column),
                          (size_t)PQgetlength(result, row, column)};
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(text_at(result, row, column), &number);
    return number;
}

/* ---- positions and limits ---- */

bool generations_read_fences(struct session *session, int id, bool lock, struct position *out,
                             struct err *err)
{
    char sql[128];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT partition, next_offset FROM g%d.fence ORDER BY 1%s",
                   id, lock ? " FOR UPDATE" : "");
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    *out = (struct position){0};
    for (int row = 0; row < PQntuples(result); row++)
        position_raise(out, (int32_t)number_at(result, row, 0), number_at(result, row, 1));
    return true;
}

bool generations_limit(struct session *session, int id, const struct position *limit,
                       struct err *err)
{
    char sql[1024];
    AUTO(result) PGresult *result = NULL;
    char *token = limit == NULL ? NULL : position_text(limit);
    (void)snprintf(
        sql, sizeof(sql),
        FENCES_SQL(", limit_offset = CASE WHEN $1::text IS NULL AND"
                   " (SELECT is_paused FROM telefact.generations WHERE id = %d)"
                   " THEN next_offset ELSE"
                   " (SELECT split_part(pair, ':', 2)::int8 FROM string_to_table("
                   "coalesce($1::text, (SELECT as_of FROM telefact.generations WHERE id = %d)),"
                   " ',') AS pair WHERE split_part(pair, ':', 1)::int4 = f.partition) END"),
        id, id, id, id);
    const char *params[] = {token};
    bool is_done = session_query(session, sql, &(struct session_texts){params, 1}, &result, err);
    free(token);
    return is_done;
}

bool generations_has_reached(const struct position *now, const struct position *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (position_of_partition(now, wanted->entries[i].partition) <
            wanted->entries[i].next_offset)
            return false;
    return true;
}

bool generations_await(struct session *session, int id, const struct position *wanted,
                       int64_t wait_ms, struct err *err)
{
    int64_t until_ms = now_monotonic_ms() + wait_ms;
    for (;;) {
        struct position now;
        if (!generations_read_fences(session, id, false, &now, err))
            return false;
        bool is_there = generations_has_reached(&now, wanted);
        position_done(&now);
        if (is_there)
            return true;
        if (now_monotonic_ms() >= until_ms)
            return err_set(err, ERR_RETRY, "generation %d did not come that far in %" PRId64 " ms",
                           id, wait_ms);
        (void)poll(NULL, 0, AWAIT_POLL_MS);
    }
}

/* ---- the port ---- */

bool generations_open_other(struct generations *generations, struct session **out, struct err *err)
{
    struct session_options options = generations->options;
    options.statement_timeout_ms = LONG_MS;
    return session_open(&options, out, err);
}

static void close_store(void *self)
{
    struct generations *generations = self;
    session_free(generations->session);
    generations->session = NULL;
}

static bool open_store(void *self, struct err *err)
{
    struct generations *generations = self;
    if (generations->session != NULL && session_ok(generations->session))
        return true;
    close_store(generations);
    struct session *session = NULL;
    if (!session_open(&generations->options, &session, err))
        return false;
    if (!migrate_check(session, generations->bot_id, err)) {
        session_free(session);
        return false;
    }
    generations->session = session;
    return true;
}

#define ROW_COLUMNS \
    "SELECT id, projection_version, state, is_paused, as_of, target, expected_differences, " \
    "detail," \
    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')" \
    " FROM telefact.generations"

static bool take_row(const PGresult *result, int row, struct generation_row *out, struct err *err)
{
    *out = (struct generation_row){
        .id = (int)number_at(result, row, 0),
        .projection_version = (int)number_at(result, row, 1),
        .is_paused = PQgetvalue(result, row, 3)[0] == 't',
        .has_end = PQgetisnull(result, row, 4) == 0,
    };
    if (!generation_state_parse(text_at(result, row, 2), &out->state))
        return err_set(err, ERR_REJECT, "generation %d is in a state of a newer build", out->id);
    if (!position_parse(text_at(result, row, 4), &out->end, err) ||
        !position_parse(text_at(result, row, 5), &out->target, err))
        return err_prefix(err, "generation %d", out->id);
    out->expected_differences =
        mem_text(PQgetvalue(result, row, 6), (size_t)PQgetlength(result, row, 6));
    out->detail = mem_text(PQgetvalue(result, row, 7), (size_t)PQgetlength(result, row, 7));
    out->created_at = mem_text(PQgetvalue(result, row, 8), (size_t)PQgetlength(result, row, 8));
    return true;
}

static bool list(void *self, struct generation_row **out, size_t *count, struct err *err)
{
    struct generations *generations = self;
    AUTO(result) PGresult *result = NULL;
    if (!session_query(generations->session, ROW_COLUMNS " ORDER BY id", NULL, &result, err))
        return false;
    size_t rows = (size_t)PQntuples(result);
    struct generation_row *found = mem_array(rows + 1, sizeof(*found));
    bool is_good = true;
    for (size_t row = 0; is_good && row < rows; row++)
        is_good = take_row(result, (int)row, &found[row], err);
    if (!is_good) {
        for (size_t row = 0; row < rows; row++)
            generation_row_done(&found[row]);
        free(found);
        return false;
    }
    *out = found;
    *count = rows;
    return true;
}

static bool load(void *self, int id, struct generation_row *out, struct err *err)
{
    struct generations *generations = self;
    AUTO(result) PGresult *result = NULL;
    *out = (struct generation_row){0};
    if (!query_by_id(generations->session, ROW_COLUMNS " WHERE id = $1", id, &result, err))
        return false;
    if (PQntuples(result) != 1)
        return err_set(err, ERR_REJECT, "there is no generation %d: see `replay list`", id);
    if (take_row(result, 0, out, err))
        return true;
    generation_row_done(out);
    return false;
}

/* ---- making one ---- */

static bool insert_row(struct session *session, const struct generation_plan *plan, int *out_id,
                       struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    char version[12];
    char *target = position_text(plan->target);
    (void)snprintf(version, sizeof(version), "%d", PROJECTION_VERSION);
    const char *params[] = {version, target, plan->has_end ? target : NULL,
                            plan->expected_differences};
    bool is_done = session_query(
        session,
        "INSERT INTO telefact.generations (id, projection_version, state, target, as_of,"
        " expected_differences) SELECT 1 + max(id), $1::int, 'building', $2, $3, $4"
        " FROM telefact.generations HAVING count(*) FILTER (WHERE state IN ('building', 'indexing',"
        " 'catching_up', 'verifying', 'ready')) = 0 RETURNING id",
        &(struct session_texts){params, 4}, &result, err);
    free(target);
    if (!is_done)
        return false;
    if (PQntuples(result) != 1)
        return err_set(err, ERR_REJECT,
                       "a rebuild is under way: `replay work` goes on with it, `replay cancel` "
                       "ends it");
    *out_id = (int)number_at(result, 0, 0);
    return true;
}

static bool insert_fences(struct session *session, const struct generation_plan *plan, int id,
                          struct err *err)
{
    char sql[512];
    AUTO(result) PGresult *result = NULL;
    char *begin = position_text(plan->begin);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO g%d.fence (partition, next_offset, cluster_id)"
                   " SELECT split_part(pair, ':', 1)::int4, split_part(pair, ':', 2)::int8, $2"
                   " FROM string_to_table($1, ',') AS pair",
                   id);
    const char *params[] = {begin, plan->cluster_id};
    bool is_done = session_query(session, sql, &(struct session_texts){params, 2}, &result, err);
    free(begin);
    return is_done && generations_limit(session, id, NULL, err);
}

/* After a failure the transaction is not left open. */
static bool end_with(struct session *session, bool is_good, struct err *err)
{
    struct err later;
    if (is_good)
        return session_run(session, "COMMIT", err);
    (void)(PQtransactionStatus(session_conn(session)) != PQTRANS_IDLE &&
           session_run(session, "ROLLBACK", &later));
    return false;
}

static bool create(void *self, const struct generation_plan *plan, int *out_id, struct err *err)
{
    struct generations *generations = self;
    struct session *session = generations->session;
    if (!session_run(session, "BEGIN; LOCK TABLE telefact.generations IN EXCLUSIVE MODE", err))
        return end_with(session, false, err);
    return end_with(session,
                    insert_row(session, plan, out_id, err) &&
                        generation_make_tables(session, *out_id, err) &&
                        generation_begin_bulk(session, *out_id, err) &&
                        insert_fences(session, plan, *out_id, err),
                    err);
}

/* ---- leading one to its end ---- */

static bool lead(void *self, int id, bool *out, struct err *err)
{
    struct generations *generations = self;
    AUTO(result) PGresult *result = NULL;
    if (!query_by_id(generations->session, LEAD_SQL, id, &result, err))
        return false;
    *out = PQgetvalue(result, 0, 0)[0] == 't';
    return true;
}

static bool positions(void *self, int id, struct position *out, struct err *err)
{
    struct generations *generations = self;
    return generations_read_fences(generations->session, id, false, out, err);
}

static bool move(void *self, const struct generation_move *move, struct err *err)
{
    struct generations *generations = self;
    AUTO(result) PGresult *result = NULL;
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", move->id);
    const char *params[] = {number, generation_state_name(move->from),
                            generation_state_name(move->to), move->detail};
    if (!generation_may_become(move->from, move->to))
        return err_set(err, ERR_REJECT, "generation %d is %s and cannot become %s", move->id,
                       params[1], params[2]);
    if (!session_query(generations->session,
                       "UPDATE telefact.generations SET state = $3, detail = $4, changed_at = now()"
                       " WHERE id = $1::int AND state = $2",
                       &(struct session_texts){params, 4}, &result, err))
        return false;
    return strcmp(PQcmdTuples(result), "1") == 0 ||
           err_set(err, ERR_REJECT, "generation %d is no longer %s", move->id, params[1]);
}

static bool hold(void *self, int id, bool is_held, struct err *err)
{
    struct generations *generations = self;
    if (!is_held)
        return generations_limit(generations->session, id, NULL, err);
    return generations_run(generations->session, id, FENCES_SQL(", limit_offset = next_offset"),
                           err);
}

/* The live one and the one kept for a rollback are never paused. */
static bool set_paused(void *self, int id, bool is_paused, struct err *err)
{
    struct generations *generations = self;
    AUTO(result) PGresult *result = NULL;
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", id);
    const char *params[] = {number, is_paused ? "t" : "f"};
    if (!session_query(generations->session,
                       "UPDATE telefact.generations SET is_paused = $2::bool, changed_at = now()"
                       " WHERE id = $1::int AND state IN ('building', 'indexing', 'catching_up',"
                       " 'verifying', 'ready')",
                       &(struct session_texts){params, 2}, &result, err))
        return false;
    if (strcmp(PQcmdTuples(result), "1") != 0)
        return err_set(err, ERR_REJECT, "generation %d is not being rebuilt: see `replay list`",
                       id);
    return generations_limit(generations->session, id, NULL, err);
}

static bool make_indexes(void *self, int id, struct err *err)
{
    static const char *const ANALYZE[] = {
        "ANALYZE g%d.users",      "ANALYZE g%d.profiles", "VACUUM (ANALYZE) g%d.videos",
        "ANALYZE g%d.totals",     "ANALYZE g%d.buckets",  "VACUUM (ANALYZE) g%d.music",
        "ANALYZE g%d.langs",      "ANALYZE g%d.aliases",  "ANALYZE g%d.referrals",
        "ANALYZE g%d.tombstones",
    };
    struct generations *generations = self;
    struct session *session = NULL;
    if (!generations_open_other(generations, &session, err))
        return false;
    bool is_good =
        generation_make_indexes(session, id, err) && generation_end_bulk(session, id, err);
    for (size_t i = 0; is_good && i < sizeof(ANALYZE) / sizeof(ANALYZE[0]); i++)
        is_good = generations_run(session, id, ANALYZE[i], err);
    session_free(session);
    return is_good;
}

static bool erase_later(void *self, int id, struct err *err)
{
    struct generations *generations = self;
    struct past past = {generations->options, generations->bot_id};
    int64_t erased = 0;
    if (!past_erase(&past, id, &erased, err))
        return false;
    log_info("erased who was erased after that moment", LOG_INT("generation", id),
             LOG_INT("events", erased));
    return true;
}

/* ---- removing one ---- */

static bool begin_drop(struct session *session, int id, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!query_by_id(session,
                     "UPDATE telefact.generations SET state = 'dropping', changed_at = now()"
                     " WHERE id = $1::int AND state <> 'live' RETURNING id",
                     id, &result, err))
        return false;
    return PQntuples(result) == 1 ||
           err_set(err, ERR_REJECT, "generation %d is live, or there is none such", id);
}

/* One table a transaction: none waits for the locks of all. */
static bool drop_tables(struct session *session, int id, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!query_by_id(session,
                     "SELECT format('DROP TABLE %I.%I', schemaname, tablename) FROM pg_tables"
                     " WHERE schemaname = 'g' || $1::int ORDER BY tablename = 'fence', tablename",
                     id, &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        if (!session_run(session, PQgetvalue(result, row, 0), err))
            return err_prefix(err, "generation %d is in use, try again", id);
    return true;
}

static bool drop(void *self, int id, struct err *err)
{
    struct generations *generations = self;
    struct session *session = generations->session;
    struct err gone;
    if (!begin_drop(session, id, err))
        return false;
    /* Its writers notice; the table is gone where an earlier try ended half-way. */
    if (!generations_run(session, id, FENCES_SQL(""), &gone))
        log_debug("the fences are gone", LOG_TEXT("error", gone.text));
    return drop_tables(session, id, err) &&
           generations_run(session, id, "DROP SCHEMA IF EXISTS g%d", err) &&
           generations_run(session, id, "DELETE FROM telefact.generations WHERE id = %d", err);
}

/* ---- construction ---- */

struct generations *generations_new(const struct session_options *options, int64_t bot_id)
{
    struct generations *generations = mem_alloc(sizeof(*generations));
    generations->options = *options;
    generations->bot_id = bot_id;
    return generations;
}

struct generation_store generations_port(struct generations *generations)
{
    return (struct generation_store){
        .open = open_store,
        .list = list,
        .load = load,
        .create = create,
        .lead = lead,
        .positions = positions,
        .move = move,
        .hold = hold,
        .set_paused = set_paused,
        .make_indexes = make_indexes,
        .erase_later = erase_later,
        .compare = generations_compare,
        .swap = generations_swap,
        .drop = drop,
        .close = close_store,
        .self = generations,
    };
}

void generations_free(struct generations *generations)
{
    if (generations == NULL)
        return;
    close_store(generations);
    free(generations);
}
