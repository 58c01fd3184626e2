#include "services/store/rebuild_orders.h"

#include "services/store/replay_meant.h"

#include <stdio.h>
#include <stdlib.h>

void rebuild_order_done(struct rebuild_order *order)
{
    position_done(&order->as_of_position);
    free(order->expected_differences);
    *order = (struct rebuild_order){0};
}

void rebuild_answer_done(struct rebuild_answer *answer)
{
    generation_rows_free(answer->rows, answer->row_count);
    *answer = (struct rebuild_answer){0};
}

static void fail(struct rebuild_answer *answer, enum rebuild_outcome outcome, const char *text)
{
    answer->outcome = outcome;
    (void)snprintf(answer->text, sizeof(answer->text), "%s", text);
}

static void fail_with(struct rebuild_answer *answer, const struct err *err)
{
    fail(answer, err->kind == ERR_REJECT ? REBUILD_REFUSED : REBUILD_UNWELL, err->text);
}

/* ---- which generation ---- */

static void tell_missing(const struct rebuild_order *order, struct rebuild_answer *answer)
{
    char text[64];
    if (order->generation == 0) {
        fail(answer, REBUILD_NOT_FOUND,
             order->action == REPLAY_ROLLBACK ? "no generation is kept to go back to"
                                              : "nothing is being rebuilt");
        return;
    }
    (void)snprintf(text, sizeof(text), "there is no generation %d", order->generation);
    fail(answer, REBUILD_NOT_FOUND, text);
}

static void tell_unfit(const struct rebuild_order *order, const struct generation_row *row,
                       struct rebuild_answer *answer)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "generation %d is %s, and this needs %s", row->id,
                   generation_state_name(row->state), replay_needs(order->action));
    fail(answer, REBUILD_REFUSED, text);
}

/* False: the answer says why. */
static bool find(const struct rebuild_order *order, const struct generation_store *store,
                 struct rebuild_answer *answer)
{
    struct generation_row *rows = NULL;
    const struct generation_row *meant = NULL;
    size_t count = 0;
    struct err err;
    if (!store->list(store->self, &rows, &count, &err)) {
        fail_with(answer, &err);
        return false;
    }
    enum replay_found found = replay_meant(order->action, order->generation, rows, count, &meant);
    if (found == REPLAY_FOUND)
        answer->generation = meant->id;
    else if (found == REPLAY_UNFIT)
        tell_unfit(order, meant, answer);
    else
        tell_missing(order, answer);
    generation_rows_free(rows, count);
    return found == REPLAY_FOUND;
}

/* ---- the orders ---- */

static bool start(const struct rebuild_order *order, const struct generation_store *store,
                  const struct log_watch *log, int *out_id, struct err *err)
{
    const char *differences = order->expected_differences;
    struct replay_making making = {.expected_differences = differences == NULL ? "" : differences,
                                   .is_forced = order->is_forced};
    if (order->has_as_of_position)
        making.end = &order->as_of_position;
    if (order->has_as_of_time)
        making.end_ms = &order->as_of_ms;
    return replay_make(&making, store, log, out_id, err);
}

static void look(const struct generation_store *store, const struct log_watch *log,
                 struct rebuild_answer *answer)
{
    struct replay_rules rules = {.id = answer->generation};
    struct replay *replay = replay_new(&rules, store, log);
    enum replay_progress progress = REPLAY_GOES_ON;
    struct err err;
    if (!replay_look(replay, 0, &answer->view, &progress, &err))
        fail_with(answer, &err);
    else if (progress == REPLAY_GONE)
        fail(answer, REBUILD_NOT_FOUND, "it was removed");
    answer->is_over = progress != REPLAY_GOES_ON;
    replay_free(replay);
}

static bool give(enum replay_action action, int id, const struct generation_store *store,
                 struct err *err)
{
    if (action == REPLAY_PAUSE || action == REPLAY_RESUME)
        return store->set_paused(store->self, id, action == REPLAY_PAUSE, err);
    if (action == REPLAY_SWAP || action == REPLAY_ROLLBACK)
        return store->swap(store->self, id, err);
    return store->drop(store->self, id, err);
}

void rebuild_order_do(const struct rebuild_order *order, const struct generation_store *store,
                      const struct log_watch *log, struct rebuild_answer *out)
{
    struct err err;
    *out = (struct rebuild_answer){.outcome = REBUILD_DONE};
    bool is_good = store->open(store->self, &err);
    if (is_good && order->action == REPLAY_LIST) {
        is_good = store->list(store->self, &out->rows, &out->row_count, &err);
    } else if (is_good && order->action == REPLAY_START) {
        is_good = start(order, store, log, &out->generation, &err);
    } else if (is_good) {
        if (!find(order, store, out))
            return;
        if (order->action == REPLAY_STATUS)
            look(store, log, out);
        else
            is_good = give(order->action, out->generation, store, &err);
    }
    if (!is_good)
        fail_with(out, &err);
}
