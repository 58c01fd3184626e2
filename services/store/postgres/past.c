#include "services/store/postgres/past.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/wire/record.h"
#include "services/store/ports.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/schema_sql.h"
#include "services/store/postgres/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(12) * 3600 * 1000) /* an index over everything */
#define SQL_MAX 4096
/* Erases looked for at a time, of which each person has one in every partition; and of one
 * transaction. */
#define FOUND_MAX "20000"
#define PIECE 128

/* Whose id has the erase's hash; the expression is that of past.sql. */
#define ID_IN(table, id) \
    "(SELECT " id " FROM :schema." table " WHERE encode(substring(sha256(" \
    "(E'telefact\\nerased\\n' || " id "::text)::bytea) FROM 1 FOR 16), 'hex')::uuid" \
    " = e.subject LIMIT 1)"
#define IN_USERS ID_IN("users", "user_id")
#define IN_PROFILES ID_IN("profiles", "id")
#define IN_OLD ID_IN("aliases", "old_id")
#define IN_NEW ID_IN("aliases", "new_id")

/* What the log holds behind the generation's end and the generation does not have yet, and whose it
 * is; NULL: nobody's in it. An erase that was written twice is one. */
#define BEHIND \
    "telefact.erasures AS e JOIN :schema.fence AS f USING (partition)" \
    " WHERE e.\"offset\" >= f.next_offset" \
    " AND NOT EXISTS (SELECT FROM :schema.applied AS a WHERE a.event_id = e.event_id)"
#define COLUMNS "e.partition, e.\"offset\", e.event_id, e.subject, e.until_ms"
#define WHOSE "coalesce(" IN_USERS ", " IN_PROFILES ", " IN_OLD ", " IN_NEW ") AS id"
#define MISSING \
    "(SELECT DISTINCT ON (e.event_id) " COLUMNS ", " WHOSE " FROM " BEHIND \
    " ORDER BY e.event_id, e.\"offset\") AS missing"

static const char IS_MISSING_SQL[] = "SELECT EXISTS (SELECT FROM " BEHIND ")";

static const char FOUND_SQL[] = "SELECT partition, \"offset\", replace(event_id::text, '-', ''),"
                                " until_ms, id, (SELECT count(*) FROM :schema.fence)"
                                " FROM " MISSING " WHERE id IS NOT NULL"
                                " ORDER BY partition, \"offset\" LIMIT " FOUND_MAX;

/* Of whom the generation has no row: what the transaction would leave behind. */
static const char NOTE_SQL[] =
    "WITH absent AS (SELECT * FROM " MISSING " WHERE id IS NULL), letters AS ("
    " UPDATE telefact.dead_letters AS t"
    " SET record_key = NULL, record_value = NULL, is_expired = true, subjects = '{}' FROM absent"
    " WHERE t.partition = absent.partition AND t.\"offset\" < absent.\"offset\""
    " AND absent.subject = ANY (t.subjects)), stones AS ("
    " INSERT INTO :schema.tombstones AS t SELECT partition, subject, max(until_ms) FROM absent"
    " GROUP BY 1, 2 ON CONFLICT (partition, subject) DO UPDATE SET"
    " until_ms = greatest(t.until_ms, excluded.until_ms))"
    " INSERT INTO :schema.applied SELECT event_id FROM absent ON CONFLICT DO NOTHING";

static bool query(struct session *session, const char *text, int id, PGresult **out,
                  struct err *err)
{
    char *sql = schema_sql(text, id);
    bool is_done = session_query(session, sql, NULL, out, err);
    free(sql);
    return is_done;
}

/* ---- as the log would have it ---- */

static int64_t number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, row, column)), &number);
    return number;
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* As the server writes them: 32 digits, in lower case. */
static void get_event_id(const char *hex, uint8_t out[EVENT_ID_LEN])
{
    for (size_t i = 0; i < EVENT_ID_LEN; i++)
        out[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

static struct batch_event event_of(const struct past *past, const PGresult *found, int row)
{
    struct batch_event item = {.fate = BATCH_APPLY};
    struct fold_place *place = &item.record.place;
    char key[RECORD_KEY_MAX];
    *place = (struct fold_place){.partition = (int32_t)number_at(found, row, 0),
                                 .offset = number_at(found, row, 1),
                                 .record_ms = number_at(found, row, 3)};
    item.event = (struct event){.bot_id = past->bot_id,
                                .occurred_at_ms = place->record_ms,
                                .kind = EVENT_USER_ERASED,
                                .subject_id = number_at(found, row, 4)};
    get_event_id(PQgetvalue(found, row, 2), item.event.id);
    size_t len = record_key(past->bot_id, item.event.subject_id, key);
    int32_t home = record_partition((struct bytes){key, len}, (int32_t)number_at(found, row, 5));
    place->is_foreign = home != place->partition;
    return item;
}

struct erasing {
    const struct past *past;
    struct transaction transaction; /* and the session */
    struct fold *fold;
};

/* Rows from `from` on. Another process may be at the same: an id that is there already has no
 * effect. */
static bool erase_piece(struct erasing *erasing, const PGresult *found, int from, struct err *err)
{
    struct batch_event events[PIECE];
    size_t count = 0;
    for (int row = from; row < PQntuples(found) && count < PIECE; row++)
        events[count++] = event_of(erasing->past, found, row);
    struct batch batch = {.events = events, .event_count = count, .expect_duplicates = true};
    return transaction_run(&erasing->transaction, &batch, erasing->fold, err) == APPLY_COMMITTED;
}

static bool erase_found(struct erasing *erasing, const PGresult *found, struct err *err)
{
    for (int row = 0; row < PQntuples(found); row += PIECE)
        if (!erase_piece(erasing, found, row, err))
            return false;
    return true;
}

static bool erase_all_found(struct erasing *erasing, int64_t *out, struct err *err)
{
    for (;;) {
        AUTO(result) PGresult *found = NULL;
        if (!query(erasing->transaction.pipeline.session, FOUND_SQL,
                   erasing->transaction.generation, &found, err) ||
            !erase_found(erasing, found, err))
            return false;
        if (PQntuples(found) == 0)
            return true;
        *out += PQntuples(found);
    }
}

static bool note_absent(struct erasing *erasing, int64_t *out, struct err *err)
{
    int64_t noted = 0;
    AUTO(result) PGresult *result = NULL;
    if (!query(erasing->transaction.pipeline.session, NOTE_SQL, erasing->transaction.generation,
               &result, err))
        return false;
    (void)bytes_get_int64(bytes_of_text(PQcmdTuples(result)), &noted);
    *out += noted;
    return true;
}

bool past_erase(const struct past *past, int id, int64_t *out, struct err *err)
{
    struct erasing erasing = {.past = past, .transaction.generation = id};
    struct generation_writing writing = {.generation = id};
    struct session_options options = past->options;
    struct session *session = NULL;
    options.statement_timeout_ms = LONG_MS;
    *out = 0;
    if (!session_open(&options, &session, err))
        return false;
    erasing.transaction.pipeline.session = session;
    erasing.fold = fold_new();
    bool is_done = generation_make_past_indexes(session, id, err) &&
                   transaction_prepare(session, &writing, err) &&
                   erase_all_found(&erasing, out, err) && note_absent(&erasing, out, err);
    transaction_done(&erasing.transaction);
    fold_free(erasing.fold);
    session_free(session);
    return is_done;
}

/* ---- all of them ---- */

struct past_generation {
    int id, projection_version;
};

static bool is_missing(struct session *session, int id, bool *out, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    if (!query(session, IS_MISSING_SQL, id, &result, err))
        return false;
    *out = PQgetvalue(result, 0, 0)[0] == 't';
    return true;
}

/* Its tables hold who must be gone from them, and this build does not know how they hang together.
 */
static bool remove_one(struct session *session, int id, struct err *err)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof(sql),
                   "BEGIN; DELETE FROM telefact.generations WHERE id = %d AND state = 'past';"
                   " DROP SCHEMA g%d CASCADE; COMMIT",
                   id, id);
    if (!session_run(session, sql, err))
        return false;
    log_warn("removed a generation of a past moment: somebody in it was erased, and this build "
             "does not write its tables",
             LOG_INT("generation", id));
    return true;
}

static bool erase_one(const struct past *past, struct session *session,
                      const struct past_generation *one, int64_t *out, struct err *err)
{
    int64_t erased = 0;
    bool is_wanted = false;
    if (!is_missing(session, one->id, &is_wanted, err))
        return false;
    if (!is_wanted)
        return true;
    if (one->projection_version != PROJECTION_VERSION)
        return remove_one(session, one->id, err);
    bool is_done = past_erase(past, one->id, &erased, err);
    *out += erased;
    return is_done;
}

bool past_erase_all(const struct past *past, struct session *session, int64_t *out, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    *out = 0;
    if (!session_query(session,
                       "SELECT id, projection_version FROM telefact.generations"
                       " WHERE state = 'past' ORDER BY id",
                       NULL, &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        struct past_generation one = {(int)number_at(result, row, 0),
                                      (int)number_at(result, row, 1)};
        if (!erase_one(past, session, &one, out, err))
            return err_prefix(err, "generation %d", one.id);
    }
    return true;
}
