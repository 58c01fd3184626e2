#include "services/store/postgres/rebuild_look.h"

#include "libs/wire/position.h"
#include "services/store/postgres/session.h"

#include <stdio.h>

/* One is unfinished at a time; one that failed is to be seen until it is dropped or followed. */
static const char FIND_SQL[] =
    "SELECT id, state, is_paused, target FROM telefact.generations"
    " WHERE state IN ('building', 'indexing', 'catching_up', 'verifying', 'ready', 'failed')"
    " ORDER BY id DESC LIMIT 1";

static struct bytes text_at(const PGresult *result, int row, int column)
{
    return (struct bytes){PQgetvalue(result, row, column),
                          (size_t)PQgetlength(result, row, column)};
}

/* A log that has lost its beginning is counted as if it had it. */
static bool count_events(struct session *session, const struct position *target,
                         struct rebuild_census *census, struct err *err)
{
    char sql[96];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT partition, next_offset FROM g%d.fence",
                   census->generation);
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    for (size_t i = 0; i < target->count; i++)
        census->total += target->entries[i].next_offset;
    for (int row = 0; row < PQntuples(result); row++) {
        int64_t partition = 0;
        int64_t next = 0;
        (void)(bytes_get_int64(text_at(result, row, 0), &partition) &&
               bytes_get_int64(text_at(result, row, 1), &next));
        int64_t end = position_of_partition(target, (int32_t)partition);
        census->done += next < end ? next : end;
    }
    return true;
}

bool rebuild_look(struct session *session, struct rebuild_census *out, struct err *err)
{
    AUTO(result) PGresult *result = NULL;
    struct rebuild_census census = {0};
    struct position target;
    int64_t id = 0;
    if (!session_query(session, FIND_SQL, NULL, &result, err))
        return false;
    *out = census;
    if (PQntuples(result) == 0 || !generation_state_parse(text_at(result, 0, 1), &census.state))
        return true;
    (void)bytes_get_int64(text_at(result, 0, 0), &id);
    census.generation = (int)id;
    census.is_paused = PQgetvalue(result, 0, 2)[0] == 't';
    if (!position_parse(text_at(result, 0, 3), &target, err))
        return false;
    bool is_counted = count_events(session, &target, &census, err);
    position_done(&target);
    if (is_counted)
        *out = census;
    return is_counted;
}
