#include "services/store/postgres/letter_desk.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX 4096
#define PLACES_MAX (LETTER_PAGE * 64) /* bytes of the places of one decision */

struct letter_desk_pg {
    struct session *reader; /* in one snapshot from the first to the last page */
    struct session *writer; /* NULL: nothing is decided */
};

static bool open_reader(const struct session_options *options, int64_t bot_id, struct session **out,
                        struct err *err)
{
    struct session_options reading = *options;
    reading.is_writer = false;
    return session_open(&reading, out, err) &&
           session_run(*out, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) &&
           migrate_check(*out, bot_id, err);
}

bool letter_desk_open(const struct session_options *options, int64_t bot_id,
                      struct letter_desk_pg **out, struct err *err)
{
    struct letter_desk_pg *desk = mem_alloc(sizeof(*desk));
    if (!open_reader(options, bot_id, &desk->reader, err) ||
        (options->is_writer && !session_open(options, &desk->writer, err))) {
        letter_desk_free(desk);
        return false;
    }
    *out = desk;
    return true;
}

void letter_desk_free(struct letter_desk_pg *desk)
{
    if (desk == NULL)
        return;
    session_free(desk->reader);
    session_free(desk->writer);
    free(desk);
}

/* ---- reading ---- */

#define UTC(time, form) "to_char(" time " AT TIME ZONE 'UTC', '" form "')"
#define RECORD_TIME UTC("to_timestamp(record_ms / 1000.0)", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"")
#define DECIDED_AT UTC("decided_at", "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"")

/* The server's base64 has line breaks. */
#define BASE64(column) "translate(encode(" column ", 'base64'), E'\\n', '')"
#define JSON(more) \
    "(SELECT row_to_json(line) FROM (SELECT partition, \"offset\", event_id," \
    " nullif(kind, '') AS kind, cause, detail, record_ms, traceparent, decision, " DECIDED_AT \
    " AS decided_at, is_expired AS expired" more ") AS line)"

static const char *const CONTENTS[] = {
    [LETTER_SHORT] = "NULL, NULL, " JSON(", octet_length(record_value) AS size"),
    [LETTER_WITH_BYTES] = "record_key, record_value, NULL",
    [LETTER_WHOLE_JSON] = "NULL, NULL, " JSON(
        ", " BASE64("record_key") " AS key, " BASE64("record_value") " AS value"),
};

enum column {
    COLUMN_PARTITION,
    COLUMN_OFFSET,
    COLUMN_EVENT_ID,
    COLUMN_KIND,
    COLUMN_CAUSE,
    COLUMN_DETAIL,
    COLUMN_TIME,
    COLUMN_RECORD_MS,
    COLUMN_DECISION,
    COLUMN_DECIDED_AT,
    COLUMN_IS_EXPIRED,
    COLUMN_VALUE_LEN,
    COLUMN_TRACEPARENT,
    COLUMN_KEY,
    COLUMN_VALUE,
    COLUMN_JSON,
};

static const char READ_SQL[] =
    "SELECT partition, \"offset\", coalesce(event_id::text, ''), kind, cause, detail, " RECORD_TIME
    ", record_ms, decision, coalesce(" DECIDED_AT ", ''), is_expired,"
    " coalesce(octet_length(record_value), -1), coalesce(traceparent, ''), %s FROM "
    "telefact.dead_letters"
    " WHERE (partition, \"offset\") >= ($1::int4, $2::int8)"
    " AND ($3::text IS NULL OR decision = $3) AND ($4::text IS NULL OR cause = $4)"
    " AND ($5::int4 < 0 OR partition = $5) ORDER BY partition, \"offset\" LIMIT $6";

static int64_t number_at(const PGresult *result, int row, enum column column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, row, (int)column)), &number);
    return number;
}

static enum letter_decision decision_of(const char *name)
{
    enum letter_decision decision = LETTER_OPEN;
    while (decision < LETTER_DROPPED && strcmp(letter_decision_name(decision), name) != 0)
        decision++;
    return decision;
}

/* Decode a bytea in place of its text; *out_held is to be freed by PQfreemem. */
static struct bytes bytes_at(const PGresult *result, int row, enum column column,
                             unsigned char **out_held)
{
    size_t len = 0;
    *out_held = NULL;
    if (PQgetisnull(result, row, (int)column))
        return (struct bytes){0};
    *out_held = PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, (int)column), &len);
    if (*out_held == NULL)
        mem_exhausted();
    return (struct bytes){(const char *)*out_held, len};
}

static bool hand_out(const PGresult *result, int row, const struct letter_taker *taker,
                     struct err *err)
{
    unsigned char *key = NULL;
    unsigned char *value = NULL;
    struct letter letter = {
        .place = {(int32_t)number_at(result, row, COLUMN_PARTITION),
                  number_at(result, row, COLUMN_OFFSET)},
        .event_id = PQgetvalue(result, row, COLUMN_EVENT_ID),
        .kind = PQgetvalue(result, row, COLUMN_KIND),
        .cause = PQgetvalue(result, row, COLUMN_CAUSE),
        .detail = PQgetvalue(result, row, COLUMN_DETAIL),
        .time = PQgetvalue(result, row, COLUMN_TIME),
        .record_ms = number_at(result, row, COLUMN_RECORD_MS),
        .decision = decision_of(PQgetvalue(result, row, COLUMN_DECISION)),
        .decided_at = PQgetvalue(result, row, COLUMN_DECIDED_AT),
        .is_expired = PQgetvalue(result, row, COLUMN_IS_EXPIRED)[0] == 't',
        .value_len = number_at(result, row, COLUMN_VALUE_LEN),
        .traceparent = bytes_of_text(PQgetvalue(result, row, COLUMN_TRACEPARENT)),
        .json = PQgetvalue(result, row, COLUMN_JSON),
    };
    letter.key = bytes_at(result, row, COLUMN_KEY, &key);
    letter.value = bytes_at(result, row, COLUMN_VALUE, &value);
    bool is_taken = taker->take(taker->self, &letter, err);
    PQfreemem(key);
    PQfreemem(value);
    return is_taken;
}

static bool query(struct letter_desk_pg *desk, const struct letter_query *query, PGresult **out,
                  struct err *err)
{
    char sql[SQL_MAX];
    char numbers[4][24];
    int len = snprintf(sql, sizeof(sql), READ_SQL, CONTENTS[query->content]);
    assert(len > 0 && (size_t)len < sizeof(sql));
    (void)snprintf(numbers[0], sizeof(numbers[0]), "%" PRId32, query->from.partition);
    (void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, query->from.offset);
    (void)snprintf(numbers[2], sizeof(numbers[2]), "%" PRId32, query->filter.partition);
    (void)snprintf(numbers[3], sizeof(numbers[3]), "%d", query->limit);
    const char *const values[] = {
        numbers[0],          numbers[1], letter_decision_name(query->filter.decision),
        query->filter.cause, numbers[2], numbers[3]};
    return session_query(desk->reader, sql, &(struct session_texts){values, 6}, out, err);
}

static bool read_letters(void *self, const struct letter_query *wanted,
                         const struct letter_taker *taker, int *out_count, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    assert(wanted->limit > 0 && wanted->limit <= LETTER_PAGE);
    if (!query(self, wanted, &result, err))
        return err_prefix(err, "read dead letters");
    int count = PQntuples(result);
    for (int row = 0; row < count; row++)
        if (!hand_out(result, row, taker, err))
            return false;
    *out_count = count;
    return true;
}

/* ---- deciding ---- */

static bool decide(void *self, const struct letter_place *places, size_t count,
                   enum letter_decision decision, struct err *err)
{
    static const char DECIDE_SQL[] =
        "UPDATE telefact.dead_letters SET decision = $3, decided_at = now()"
        " FROM unnest($1::int4[], $2::int8[]) AS place (of_partition, at_offset)"
        " WHERE partition = of_partition AND \"offset\" = at_offset"
        " AND (decision = 'open' OR $3 = 'retried')";
    struct letter_desk_pg *desk = self;
    struct buf partitions;
    struct buf offsets;
    buf_init(&partitions, PLACES_MAX);
    buf_init(&offsets, PLACES_MAX);
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits = fits &&
               buf_appendf(&partitions, "%c%" PRId32, i == 0 ? '{' : ',', places[i].partition) &&
               buf_appendf(&offsets, "%c%" PRId64, i == 0 ? '{' : ',', places[i].offset);
    fits = fits && buf_append(&partitions, "}", 2) && buf_append(&offsets, "}", 2);
    assert(fits && count > 0 && desk->writer != NULL);
    const char *const values[] = {partitions.data, offsets.data, letter_decision_name(decision)};
    AUTO(result) PGresult *result = NULL;
    bool is_done =
        session_query(desk->writer, DECIDE_SQL, &(struct session_texts){values, 3}, &result, err);
    buf_done(&partitions);
    buf_done(&offsets);
    return is_done || err_prefix(err, "record the decision");
}

struct letter_desk letter_desk_port(struct letter_desk_pg *desk)
{
    return (struct letter_desk){.read = read_letters, .decide = decide, .self = desk};
}
