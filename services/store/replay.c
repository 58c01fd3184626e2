#include "services/store/replay.h"

#include "libs/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_RECORDS 1000 /* behind by no more: a comparison's standstill is short */

struct replay {
    struct replay_rules rules;
    struct generation_store store;
    struct log_watch log;
    bool is_leading;
    int64_t grace_until_ms; /* 0: it is not running */
};

/* What one look found. */
struct look {
    struct generation_row row;
    struct log_state log;
    struct position now;
    enum replay_progress progress;
    int live_id;      /* 0: none */
    bool is_one_kept; /* for going back to, with tables of the same projection */
};

void generation_row_done(struct generation_row *row)
{
    position_done(&row->target);
    position_done(&row->end);
    free(row->expected_differences);
    free(row->detail);
    free(row->created_at);
    *row = (struct generation_row){0};
}

void generation_rows_free(struct generation_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        generation_row_done(&rows[i]);
    free(rows);
}

void log_state_done(struct log_state *state)
{
    position_done(&state->begin);
    position_done(&state->end);
}

/* ---- positions ---- */

int64_t replay_distance(const struct position *from, const struct position *to)
{
    int64_t sum = 0;
    for (size_t i = 0; i < to->count; i++) {
        int64_t left =
            to->entries[i].next_offset - position_of_partition(from, to->entries[i].partition);
        sum += left > 0 ? left : 0;
    }
    return sum;
}

/* ---- looking ---- */

static void look_done(struct look *look)
{
    generation_row_done(&look->row);
    log_state_done(&look->log);
    position_done(&look->now);
}

static bool look_at_others(struct replay *replay, struct look *look, struct err *err)
{
    struct generation_row *rows = NULL;
    size_t count = 0;
    if (!replay->store.list(replay->store.self, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].state == GENERATION_LIVE)
            look->live_id = rows[i].id;
        look->is_one_kept =
            look->is_one_kept || (rows[i].state == GENERATION_RETIRED &&
                                  rows[i].projection_version == look->row.projection_version);
    }
    generation_rows_free(rows, count);
    return true;
}

static bool look_at(struct replay *replay, struct look *out, struct err *err)
{
    struct generation_store *store = &replay->store;
    *out = (struct look){0};
    bool is_good = store->load(store->self, replay->rules.id, &out->row, err) &&
                   look_at_others(replay, out, err) &&
                   (out->row.state == GENERATION_DROPPING ||
                    (store->positions(store->self, replay->rules.id, &out->now, err) &&
                     replay->log.read(replay->log.self, &out->log, err)));
    if (!is_good)
        look_done(out);
    return is_good;
}

static bool live_behind(struct replay *replay, const struct look *look, int64_t *out,
                        struct err *err)
{
    struct position live = {0};
    bool is_good = look->live_id == 0 ||
                   replay->store.positions(replay->store.self, look->live_id, &live, err);
    *out = replay_distance(&live, &look->log.end);
    position_done(&live);
    return is_good;
}

static bool fill_view(struct replay *replay, const struct look *look, struct replay_view *out,
                      struct err *err)
{
    struct replay_view view = {
        .state = look->row.state,
        .is_paused = look->row.is_paused,
        .is_leading = replay->is_leading,
        .total = replay_distance(&look->log.begin, &look->row.target),
    };
    int64_t left = replay_distance(&look->now, &look->row.target);
    view.done = left < view.total ? view.total - left : 0;
    view.behind = replay_distance(&look->now, look->row.has_end ? &look->row.end : &look->log.end);
    (void)snprintf(view.detail, sizeof(view.detail), "%s", look->row.detail);
    if (!live_behind(replay, look, &view.live_behind, err))
        return false;
    *out = view;
    return true;
}

/* ---- moving on ---- */

static bool move(struct replay *replay, enum generation_state from, enum generation_state to,
                 const char *detail, struct err *err)
{
    struct generation_move move = {replay->rules.id, from, to, detail};
    return replay->store.move(replay->store.self, &move, err);
}

static bool finish_bulk(struct replay *replay, const struct look *look, struct err *err)
{
    if (replay_distance(&look->now, &look->row.target) > 0)
        return true;
    return move(replay, GENERATION_BUILDING, GENERATION_INDEXING, "", err);
}

/* Nothing is applied meanwhile: an index locks its table, and writers would only wait. */
static bool make_indexes(struct replay *replay, const struct look *look, struct err *err)
{
    struct generation_store *store = &replay->store;
    int id = replay->rules.id;
    if (!store->hold(store->self, id, true, err) || !store->make_indexes(store->self, id, err))
        return false;
    if (look->row.has_end)
        return store->erase_later(store->self, id, err) &&
               move(replay, GENERATION_INDEXING, GENERATION_PAST, "", err);
    return store->hold(store->self, id, false, err) &&
           move(replay, GENERATION_INDEXING, GENERATION_CATCHING_UP, "", err);
}

static bool begin_comparing(struct replay *replay, const struct look *look, struct err *err)
{
    if (replay_distance(&look->now, &look->log.end) > NEAR_RECORDS)
        return true;
    return move(replay, GENERATION_CATCHING_UP, GENERATION_VERIFYING, "", err);
}

struct naming { /* of what differs */
    const struct replay_rules *rules;
    char tables[160];
};

static void on_compared(void *self, const struct table_difference *table)
{
    struct naming *naming = self;
    size_t len = strlen(naming->tables);
    if (!table->is_equal)
        (void)snprintf(naming->tables + len, sizeof(naming->tables) - len, "%s%s",
                       len > 0 ? ", " : "differs: ", table->table);
    if (naming->rules->compared != NULL)
        naming->rules->compared(naming->rules->self, table);
}

static bool compare(struct replay *replay, struct err *err)
{
    struct naming naming = {.rules = &replay->rules};
    struct err later;
    bool is_equal = false;
    struct generation_compare compared = {replay->rules.id, on_compared, &naming};
    if (!replay->store.compare(replay->store.self, &compared, &is_equal, err)) {
        (void)move(replay, GENERATION_VERIFYING, GENERATION_CATCHING_UP, "", &later);
        return false;
    }
    return move(replay, GENERATION_VERIFYING, is_equal ? GENERATION_READY : GENERATION_FAILED,
                naming.tables, err);
}

static bool swap(struct replay *replay, struct err *err)
{
    return !replay->rules.is_swapped_when_ready ||
           replay->store.swap(replay->store.self, replay->rules.id, err);
}

static bool advance(struct replay *replay, const struct look *look, struct err *err)
{
    if (look->row.is_paused || !replay->is_leading)
        return true;
    switch (look->row.state) {
    case GENERATION_BUILDING:
        return finish_bulk(replay, look, err);
    case GENERATION_INDEXING:
        return make_indexes(replay, look, err);
    case GENERATION_CATCHING_UP:
        return begin_comparing(replay, look, err);
    case GENERATION_VERIFYING:
        return compare(replay, err);
    case GENERATION_READY:
        return swap(replay, err);
    case GENERATION_FAILED:
    case GENERATION_PAST:
    case GENERATION_LIVE:
    case GENERATION_RETIRED:
    case GENERATION_DROPPING:
        break;
    }
    return true;
}

/* ---- the end ---- */

static enum replay_progress progress_of(struct replay *replay, const struct look *look,
                                        int64_t now_ms)
{
    enum generation_state state = look->row.state;
    if (state == GENERATION_FAILED)
        return REPLAY_FAILED;
    if (state == GENERATION_PAST)
        return REPLAY_DONE;
    if (state == GENERATION_DROPPING)
        return REPLAY_GONE;
    if (generation_is_unfinished(state))
        return REPLAY_GOES_ON;
    /* Tables of another projection are kept up by their own build. */
    if (state == GENERATION_LIVE && !look->is_one_kept)
        return REPLAY_DONE;
    if (replay->grace_until_ms == 0)
        replay->grace_until_ms = now_ms + replay->rules.grace_ms;
    return now_ms >= replay->grace_until_ms ? REPLAY_DONE : REPLAY_GOES_ON;
}

/* No such generation any more is an answer, too. */
static bool look_and_view(struct replay *replay, int64_t now_ms, struct look *look,
                          struct replay_view *view, struct err *err)
{
    *look = (struct look){0};
    if (!replay->store.open(replay->store.self, err)) {
        replay->is_leading = false; /* the lock went with the connection */
        return false;
    }
    if (!look_at(replay, look, err)) {
        look->progress = REPLAY_GONE;
        return err->kind == ERR_REJECT;
    }
    look->progress = progress_of(replay, look, now_ms);
    if (look->progress == REPLAY_GONE || fill_view(replay, look, view, err))
        return true;
    look_done(look);
    return false;
}

bool replay_look(struct replay *replay, int64_t now_ms, struct replay_view *view,
                 enum replay_progress *out, struct err *err)
{
    struct look look;
    *out = REPLAY_GOES_ON;
    if (!look_and_view(replay, now_ms, &look, view, err))
        return false;
    *out = look.progress;
    look_done(&look);
    return true;
}

bool replay_step(struct replay *replay, int64_t now_ms, struct replay_view *view,
                 enum replay_progress *out, struct err *err)
{
    struct look look;
    struct generation_store *store = &replay->store;
    *out = REPLAY_GOES_ON;
    if (!look_and_view(replay, now_ms, &look, view, err))
        return false;
    *out = look.progress;
    if (*out != REPLAY_GONE && replay->rules.viewed != NULL)
        replay->rules.viewed(replay->rules.self, view);
    bool is_good = *out != REPLAY_GOES_ON || replay->is_leading ||
                   store->lead(store->self, replay->rules.id, &replay->is_leading, err);
    is_good = is_good && (*out != REPLAY_GOES_ON || advance(replay, &look, err));
    look_done(&look);
    return is_good;
}

/* ---- construction ---- */

struct replay *replay_new(const struct replay_rules *rules, const struct generation_store *store,
                          const struct log_watch *log)
{
    struct replay *replay = mem_alloc(sizeof(*replay));
    replay->rules = *rules;
    replay->store = *store;
    replay->log = *log;
    return replay;
}

void replay_free(struct replay *replay)
{
    free(replay);
}

/* ---- making one ---- */

/* What is gone from the log's beginning. */
static bool check_complete(const struct log_state *state, bool is_forced, struct err *err)
{
    for (size_t i = 0; i < state->begin.count && !is_forced; i++) {
        const struct position_entry *first = &state->begin.entries[i];
        if (first->next_offset > 0)
            return err_set(err, ERR_REJECT,
                           "partition %d of the log begins at offset %" PRId64
                           ": a rebuild would lack what was before it; --force makes it all the "
                           "same",
                           (int)first->partition, first->next_offset);
    }
    return true;
}

/* An end beyond the log would never be reached. */
static bool check_end(const struct log_state *state, const struct position *end, struct err *err)
{
    for (size_t i = 0; end != NULL && i < end->count; i++)
        if (end->entries[i].next_offset >
            position_of_partition(&state->end, end->entries[i].partition))
            return err_set(err, ERR_REJECT, "the log of partition %d ends before offset %" PRId64,
                           (int)end->entries[i].partition, end->entries[i].next_offset);
    return true;
}

/* A partition that the end does not name ends where it begins. */
static struct position complete_end(const struct log_state *state, const struct position *end)
{
    struct position whole = {0};
    for (size_t i = 0; i < state->begin.count; i++) {
        int32_t partition = state->begin.entries[i].partition;
        int64_t begin = state->begin.entries[i].next_offset;
        int64_t wanted = position_of_partition(end, partition);
        position_raise(&whole, partition, wanted > begin ? wanted : begin);
    }
    return whole;
}

static bool make_up_to(const struct replay_making *making, const struct generation_store *store,
                       const struct log_watch *log, int *out_id, struct err *err)
{
    struct log_state state = {0};
    struct position end = {0};
    if (!log->read(log->self, &state, err))
        return false;
    if (making->end != NULL)
        end = complete_end(&state, making->end);
    struct generation_plan plan = {.cluster_id = state.cluster_id,
                                   .begin = &state.begin,
                                   .target = making->end == NULL ? &state.end : &end,
                                   .has_end = making->end != NULL,
                                   .expected_differences = making->expected_differences};
    bool is_made = check_complete(&state, making->is_forced, err) &&
                   check_end(&state, making->end, err) &&
                   store->create(store->self, &plan, out_id, err);
    position_done(&end);
    log_state_done(&state);
    return is_made;
}

bool replay_make(const struct replay_making *making, const struct generation_store *store,
                 const struct log_watch *log, int *out_id, struct err *err)
{
    struct replay_making known = *making;
    struct position at_time = {0};
    if (!store->open(store->self, err))
        return false;
    if (making->end_ms != NULL) {
        if (!log->at_time(log->self, *making->end_ms, &at_time, err))
            return false;
        known.end = &at_time;
    }
    bool is_made = make_up_to(&known, store, log, out_id, err);
    position_done(&at_time);
    return is_made;
}
