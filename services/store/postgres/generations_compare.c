#include "services/store/postgres/generation.h"
#include "services/store/postgres/generations_state.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CATCH_UP_MS 30000 /* for the live one to reach where the other stands still */
#define DIFFERENCE_SQL_MAX 16384

/* ---- one snapshot of both at one position ---- */

struct pair {
    struct session *holding;   /* its transaction keeps the live one where it is */
    struct session *comparing; /* its transaction is the snapshot */
    int live, rebuilt;
};

static bool is_same_position(struct session *session, const struct pair *pair, bool *out,
                             struct err *err)
{
    char sql[256];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM g%d.fence AS a FULL JOIN g%d.fence AS b USING (partition)"
                   " WHERE coalesce(a.next_offset, 0) <> coalesce(b.next_offset, 0)",
                   pair->live, pair->rebuilt);
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    *out = strcmp(PQgetvalue(result, 0, 0), "0") == 0;
    return true;
}

/* The live one stands still; bring the other exactly there and open the snapshot. */
static bool meet(struct generations *generations, struct pair *pair, struct err *err)
{
    struct position live;
    bool is_same = false;
    if (!generations_read_fences(pair->holding, pair->live, true, &live, err))
        return false;
    bool is_met = generations_limit(generations->session, pair->rebuilt, &live, err) &&
                  generations_await(generations->session, pair->rebuilt, &live, ALIGN_MAX_MS, err);
    position_done(&live);
    if (!is_met ||
        !session_run(pair->comparing, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
        !is_same_position(pair->comparing, pair, &is_same, err))
        return false;
    return is_same || err_set(err, ERR_RETRY, "generation %d is ahead of the live one, again later",
                              pair->rebuilt);
}

/* The rebuilt one stands still first, so that the live one can pass it. */
static bool align(struct generations *generations, struct pair *pair, struct err *err)
{
    struct position rebuilt;
    struct session *session = generations->session;
    if (!generations_run(session, pair->rebuilt, FENCES_SQL(", limit_offset = next_offset"), err) ||
        !generations_read_fences(session, pair->rebuilt, false, &rebuilt, err))
        return false;
    bool is_passed = generations_await(session, pair->live, &rebuilt, CATCH_UP_MS, err);
    position_done(&rebuilt);
    return is_passed &&
           session_run(pair->holding, "BEGIN; SET LOCAL lock_timeout = '5s'; " HOLDING_SQL, err) &&
           meet(generations, pair, err);
}

/* ---- which columns count ---- */

/* Every table of either, with what is compared of it: the columns of both that are not declared as
 * different; and how many are in one alone. The fences' owners and limits are no data. A total of
 * zeros may stand or not. */
static const char TABLES_SQL[] =
    "WITH declared AS (SELECT trim(name) AS name FROM string_to_table($3, ',') AS name),"
    " columns AS (SELECT c.relname, a.attname, a.attnum, n.nspname FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE n.nspname IN ('g' || $1::int, 'g' || $2::int) AND c.relkind = 'r' AND a.attnum > 0"
    " AND NOT a.attisdropped AND NOT (c.relname = 'fence' AND a.attname IN ('owner_epoch',"
    " 'limit_offset')) AND NOT EXISTS (SELECT FROM declared WHERE name IN (c.relname::text,"
    " c.relname || '.' || a.attname))),"
    " paired AS (SELECT relname, attname, count(*) AS sides, min(attnum) AS place FROM columns"
    " GROUP BY 1, 2)"
    " SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY place)"
    " FILTER (WHERE sides = 2), count(*) FILTER (WHERE sides = 1),"
    " CASE WHEN relname = 'totals' THEN ' WHERE (chats, videos, images, video_users, image_users,"
    " music, music_users, file_modes) <> (0, 0, 0, 0, 0, 0, 0, 0)' ELSE '' END"
    " FROM paired GROUP BY relname ORDER BY relname";

/* Count and two sums of row hashes with different seeds: the same in any order. */
static const char SUMS_SQL[] =
    "SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0),"
    " coalesce(sum(hashtextextended(row::text, 6364136223846793005)::numeric), 0)"
    " FROM (SELECT ROW(%s) AS row FROM g%d.%s%s) AS rows";

struct comparing {
    struct pair *pair;
    table_compared_fn fn;
    void *self;
    bool is_equal;
};

struct compared_table {
    const char *name, *columns, *filter;
    bool is_same_shape;
};

static bool sums_of(struct session *session, int id, const struct compared_table *table,
                    PGresult **out, struct err *err)
{
    char sql[DIFFERENCE_SQL_MAX];
    int len = snprintf(sql, sizeof(sql), SUMS_SQL, table->columns, id, table->name, table->filter);
    if (len < 0 || (size_t)len >= sizeof(sql))
        return err_set(err, ERR_FATAL, "table %s has too many columns to compare", table->name);
    return session_query(session, sql, NULL, out, err);
}

/* The first column, which is (part of) a key, of a row that only one of them has. A text is
 * somebody's and is not shown. */
#define EXAMPLE_MAX 96
#define TEXT 25 /* the type's OID */
static bool find_example(const struct pair *pair, const struct compared_table *table,
                         char out[EXAMPLE_MAX], struct err *err)
{
    char sql[DIFFERENCE_SQL_MAX];
    AUTO(result) PGresult *result = NULL;
    int len = snprintf(sql, sizeof(sql),
                       "SELECT * FROM ((SELECT %s FROM g%d.%s%s EXCEPT SELECT %s FROM g%d.%s%s)"
                       " UNION ALL (SELECT %s FROM g%d.%s%s EXCEPT SELECT %s FROM g%d.%s%s)) AS d"
                       " ORDER BY 1 LIMIT 1",
                       table->columns, pair->live, table->name, table->filter, table->columns,
                       pair->rebuilt, table->name, table->filter, table->columns, pair->rebuilt,
                       table->name, table->filter, table->columns, pair->live, table->name,
                       table->filter);
    if (len < 0 || (size_t)len >= sizeof(sql))
        return err_set(err, ERR_FATAL, "table %s has too many columns to compare", table->name);
    if (!session_query(pair->comparing, sql, NULL, &result, err))
        return false;
    if (PQntuples(result) > 0)
        (void)snprintf(out, EXAMPLE_MAX, "%s=%s", PQfname(result, 0),
                       PQftype(result, 0) == TEXT ? "a text" : PQgetvalue(result, 0, 0));
    return true;
}

static int64_t count_of(const PGresult *sums)
{
    int64_t count = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(sums, 0, 0)), &count);
    return count;
}

static bool compare_table(struct comparing *comparing, const struct compared_table *table,
                          struct err *err)
{
    const struct pair *pair = comparing->pair;
    char example[EXAMPLE_MAX] = "";
    AUTO(result) PGresult *live = NULL;
    AUTO(result) PGresult *rebuilt = NULL;
    if (!sums_of(pair->comparing, pair->live, table, &live, err) ||
        !sums_of(pair->comparing, pair->rebuilt, table, &rebuilt, err))
        return false;
    bool is_equal = table->is_same_shape;
    for (int column = 0; column < 3; column++)
        is_equal =
            is_equal && strcmp(PQgetvalue(live, 0, column), PQgetvalue(rebuilt, 0, column)) == 0;
    if (!is_equal && table->is_same_shape && !find_example(pair, table, example, err))
        return false;
    struct table_difference found = {.table = table->name,
                                     .rows_live = count_of(live),
                                     .rows_new = count_of(rebuilt),
                                     .is_equal = is_equal,
                                     .example = table->is_same_shape ? example : "other columns"};
    comparing->is_equal = comparing->is_equal && is_equal;
    comparing->fn(comparing->self, &found);
    return true;
}

/* A table that one of them lacks. */
static void report_lone(struct comparing *comparing, const char *name)
{
    struct table_difference found = {.table = name, .example = "one of the two has no such table"};
    comparing->is_equal = false;
    comparing->fn(comparing->self, &found);
}

static bool list_tables(struct generations *generations, const struct pair *pair, PGresult **out,
                        struct err *err)
{
    struct generation_store store = generations_port(generations);
    struct generation_row row;
    char live[12];
    char rebuilt[12];
    if (!store.load(generations, pair->rebuilt, &row, err))
        return false;
    (void)snprintf(live, sizeof(live), "%d", pair->live);
    (void)snprintf(rebuilt, sizeof(rebuilt), "%d", pair->rebuilt);
    const char *params[] = {live, rebuilt, row.expected_differences};
    bool is_done =
        session_query(pair->comparing, TABLES_SQL, &(struct session_texts){params, 3}, out, err);
    generation_row_done(&row);
    return is_done;
}

static bool compare_all(struct generations *generations, struct comparing *comparing,
                        struct err *err)
{
    AUTO(result) PGresult *tables = NULL;
    if (!list_tables(generations, comparing->pair, &tables, err))
        return false;
    for (int row = 0; row < PQntuples(tables); row++) {
        if (PQgetisnull(tables, row, 1) != 0) {
            report_lone(comparing, PQgetvalue(tables, row, 0));
            continue;
        }
        struct compared_table table = {
            .name = PQgetvalue(tables, row, 0),
            .columns = PQgetvalue(tables, row, 1),
            .filter = PQgetvalue(tables, row, 3),
            .is_same_shape = strcmp(PQgetvalue(tables, row, 2), "0") == 0,
        };
        if (!compare_table(comparing, &table, err))
            return false;
    }
    return true;
}

static bool compare_pair(struct generations *generations, struct comparing *comparing,
                         struct err *err)
{
    struct pair *pair = comparing->pair;
    if (!generations_open_other(generations, &pair->holding, err) ||
        !generations_open_other(generations, &pair->comparing, err) ||
        !generation_active(generations->session, &pair->live, err))
        return false;
    bool is_aligned = align(generations, pair, err);
    session_free(pair->holding); /* live ingest goes on */
    pair->holding = NULL;
    struct err later;
    bool is_free =
        generations_limit(generations->session, pair->rebuilt, NULL, is_aligned ? err : &later);
    return is_aligned && is_free && compare_all(generations, comparing, err);
}

bool generations_compare(void *self, const struct generation_compare *compare, bool *out_equal,
                         struct err *err)
{
    struct pair pair = {.rebuilt = compare->id};
    struct comparing comparing = {
        .pair = &pair, .fn = compare->fn, .self = compare->self, .is_equal = true};
    bool is_done = compare_pair(self, &comparing, err);
    session_free(pair.holding);
    session_free(pair.comparing);
    *out_equal = comparing.is_equal;
    return is_done;
}
