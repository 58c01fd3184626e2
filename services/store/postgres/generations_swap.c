#include "services/store/postgres/generation.h"
#include "services/store/postgres/generations_state.h"

/* Who reads the views for long makes a swap try again rather than wait, with everybody behind it.
 */
#define BEGIN_SQL "BEGIN; SET LOCAL lock_timeout = '500ms'; " HOLDING_SQL

/* Every writer of either begins anew, and finds what it now writes. */
static bool raise_epochs(struct session *session, int from, int to, struct err *err)
{
    return generations_run(session, from, FENCES_SQL(""), err) &&
           generations_run(session, to, FENCES_SQL(""), err);
}

static bool point(struct session *session, int from, int to, struct err *err)
{
    return generations_run(session, to, "UPDATE telefact.active SET generation = %d", err) &&
           generations_run(session, from,
                           "UPDATE telefact.generations SET state = 'retired', changed_at = now()"
                           " WHERE id = %d AND state = 'live'",
                           err) &&
           generations_run(session, to,
                           "UPDATE telefact.generations SET state = 'live', changed_at = now()"
                           " WHERE id = %d",
                           err);
}

/* The live one stands still from here on; wait until the other has what it has. */
static bool align(struct generations *generations, struct session *holding, int from, int to,
                  struct err *err)
{
    struct position live;
    if (!generations_read_fences(holding, from, true, &live, err))
        return false;
    bool is_there = generations_await(generations->session, to, &live, ALIGN_MAX_MS, err);
    position_done(&live);
    return is_there || err_prefix(err, "`replay work %d` must bring it there", to);
}

static bool check_state(struct session *session, int to, struct err *err)
{
    char sql[160];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT state IN ('ready', 'retired'), state FROM telefact.generations"
                   " WHERE id = %d FOR UPDATE",
                   to);
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    if (PQntuples(result) != 1)
        return err_set(err, ERR_REJECT, "there is no generation %d: see `replay list`", to);
    return PQgetvalue(result, 0, 0)[0] == 't' ||
           err_set(err, ERR_REJECT,
                   "generation %d is %s: only one that is ready or retired goes live", to,
                   PQgetvalue(result, 0, 1));
}

/* The views first: their lock is the one that others may hold for long, and nothing waits for us
 * meanwhile but new readers of the views. */
static bool swap(struct generations *generations, struct session *session, int to, struct err *err)
{
    int from = 0;
    if (!session_run(session, BEGIN_SQL, err) || !check_state(session, to, err) ||
        !generation_active(session, &from, err))
        return false;
    if (from == to)
        return err_set(err, ERR_REJECT, "generation %d is live already", to);
    return generation_point_views(session, to, err) && align(generations, session, from, to, err) &&
           raise_epochs(session, from, to, err) && point(session, from, to, err) &&
           session_run(session, "COMMIT", err);
}

bool generations_swap(void *self, int id, struct err *err)
{
    struct generations *generations = self;
    struct session *session = NULL;
    if (!generations_open_other(generations, &session, err))
        return false;
    bool is_done = swap(generations, session, id, err);
    session_free(session); /* a failed one is rolled back by its end */
    return is_done;
}
