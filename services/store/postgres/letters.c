#include "services/store/postgres/letters.h"

#include "services/store/postgres/session.h"

#include <inttypes.h>
#include <stdio.h>

/* A thousand letters of some kilobytes are a matter of milliseconds; more follow at the next turn.
 * What another store is at is left to it. */
static const char EXPIRE_SQL[] =
    "UPDATE telefact.dead_letters SET record_key = NULL, record_value = NULL, traceparent = NULL,"
    " is_expired = true, subjects = '{}'"
    " WHERE (partition, \"offset\") IN (SELECT partition, \"offset\" FROM telefact.dead_letters"
    " WHERE NOT is_expired AND record_ms < $1 ORDER BY record_ms LIMIT 1000"
    " FOR UPDATE SKIP LOCKED)";

/* The oldest come first, so a flood is counted in part and its age all the same. */
static const char COUNT_SQL[] =
    "SELECT cause, count(*), min(record_ms) FROM (SELECT cause, record_ms"
    " FROM telefact.dead_letters WHERE decision = 'open' ORDER BY record_ms LIMIT 100000) AS open"
    " GROUP BY cause ORDER BY cause LIMIT $1";

static bool expire(struct session *session, int64_t before_ms, int64_t *out, struct err *err)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%" PRId64, before_ms);
    const char *const values[] = {number};
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session, EXPIRE_SQL, &(struct session_texts){values, 1}, &result, err))
        return false;
    return bytes_get_int64(bytes_of_text(PQcmdTuples(result)), out) ||
           err_set(err, ERR_RETRY, "the database does not say how many letters expired");
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, row, column)), &number);
    return number;
}

static bool count_open(struct session *session, struct letter_census *census, struct err *err)
{
    char limit[24];
    (void)snprintf(limit, sizeof(limit), "%d", LETTER_CAUSES_MAX);
    const char *const values[] = {limit};
    AUTO(result) PGresult *result = NULL;
    if (!session_query(session, COUNT_SQL, &(struct session_texts){values, 1}, &result, err))
        return false;
    census->count = (size_t)PQntuples(result);
    for (int row = 0; row < (int)census->count; row++) {
        struct letter_count *count = &census->counts[row];
        int64_t oldest_ms = number_at(result, row, 2);
        (void)snprintf(count->cause, sizeof(count->cause), "%s", PQgetvalue(result, row, 0));
        count->open = number_at(result, row, 1);
        if (census->oldest_ms < 0 || oldest_ms < census->oldest_ms)
            census->oldest_ms = oldest_ms;
    }
    return true;
}

bool letters_tend(struct session *session, int64_t expire_before_ms, struct letter_census *out,
                  struct err *err)
{
    struct letter_census census = {.oldest_ms = -1};
    if (!expire(session, expire_before_ms, &census.expired, err) ||
        !count_open(session, &census, err))
        return false;
    *out = census;
    return true;
}
