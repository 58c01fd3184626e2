#include "services/store/rpc/admin_messages.h"

#include "libs/base/mem.h"
#include "services/store/utc_time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DIFFERENCES_MAX 1000
#define TIME_MAX INT64_C(253402300799) /* the last second of the year 9999 */

typedef Telefact__Store__V1__RebuildState state_number;

static_assert((int)TELEFACT__STORE__V1__REBUILD_STATE__REBUILD_STATE_BUILDING ==
                  (int)GENERATION_BUILDING + 1,
              "the states of the contract are ours");
static_assert((int)TELEFACT__STORE__V1__REBUILD_STATE__REBUILD_STATE_DROPPING ==
                  (int)GENERATION_DROPPING + 1,
              "the states of the contract are ours");

static state_number state_of(enum generation_state state)
{
    return (state_number)((int)state + 1);
}

/* ---- requests ---- */

static bool take_end(const Telefact__Store__V1__StartRebuildRequest *request,
                     struct rebuild_order *out, struct err *err)
{
    switch (request->end_case) {
    case TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_TIME:
        if (request->as_of_time < 0 || request->as_of_time > TIME_MAX)
            return err_set(err, ERR_REJECT, "as_of_time: must be 0 to 253402300799");
        out->has_as_of_time = true;
        out->as_of_ms = request->as_of_time * 1000;
        return true;
    case TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_POSITION:
        out->has_as_of_position = true;
        if (request->as_of_position[0] == '\0')
            return err_set(err, ERR_REJECT, "as_of_position: must not be empty");
        return position_parse(bytes_of_text(request->as_of_position), &out->as_of_position, err) ||
               err_prefix(err, "as_of_position");
    case TELEFACT__STORE__V1__START_REBUILD_REQUEST__END__NOT_SET:
    case _TELEFACT__STORE__V1__START_REBUILD_REQUEST__END__CASE_IS_INT_SIZE:
        break;
    }
    return true;
}

static bool is_list_of_names(const char *text)
{
    size_t len = strlen(text);
    return len <= DIFFERENCES_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.,") == len;
}

bool admin_messages_start(const Telefact__Store__V1__StartRebuildRequest *request,
                          struct rebuild_order *out, struct err *err)
{
    *out = (struct rebuild_order){.action = REPLAY_START, .is_forced = request->force};
    if (!is_list_of_names(request->expected_differences))
        return err_set(err, ERR_REJECT,
                       "expected_differences: must be names like users.lang,music, of at most %d "
                       "bytes",
                       DIFFERENCES_MAX);
    out->expected_differences =
        mem_text(request->expected_differences, strlen(request->expected_differences));
    return take_end(request, out, err);
}

/* ---- answers ---- */

/* Its position is owned by the message. */
static void fill_generation(const struct generation_row *row, Telefact__Store__V1__Generation *out)
{
    int64_t created_ms = 0;
    telefact__store__v1__generation__init(out);
    out->generation = row->id;
    out->state = state_of(row->state);
    out->is_paused = row->is_paused;
    out->projection_version = row->projection_version;
    if (utc_time_parse(row->created_at, &created_ms))
        out->created_at = created_ms / 1000;
    out->as_of_position = row->has_end ? position_text(&row->end) : mem_text("", 0);
    out->expected_differences = row->expected_differences;
    out->detail = row->detail;
}

void admin_messages_list(struct rpc_call *rpc, const struct rebuild_answer *answer)
{
    Telefact__Store__V1__ListRebuildsResponse message =
        TELEFACT__STORE__V1__LIST_REBUILDS_RESPONSE__INIT;
    size_t count = answer->row_count;
    Telefact__Store__V1__Generation *rows = mem_array(count, sizeof(*rows));
    Telefact__Store__V1__Generation **pointers = mem_array(count, sizeof(*pointers));
    for (size_t i = 0; i < count; i++) {
        fill_generation(&answer->rows[i], &rows[i]);
        pointers[i] = &rows[i];
    }
    message.n_generations = count;
    message.generations = pointers;
    rpc_answer(rpc, &message.base);
    for (size_t i = 0; i < count; i++)
        free(rows[i].as_of_position);
    free(rows);
    free(pointers);
}

void admin_messages_progress(int generation, struct replay_view *view,
                             const struct replay_speed *speed,
                             Telefact__Store__V1__RebuildProgress *out)
{
    telefact__store__v1__rebuild_progress__init(out);
    out->generation = generation;
    out->state = state_of(view->state);
    out->is_paused = view->is_paused;
    out->events_done = view->done;
    out->events_total = view->total;
    out->events_behind = view->behind;
    out->live_events_behind = view->live_behind;
    out->detail = view->detail;
    if (speed == NULL || !speed->is_known)
        return;
    out->events_per_second_presence_case =
        TELEFACT__STORE__V1__REBUILD_PROGRESS__EVENTS_PER_SECOND_PRESENCE_EVENTS_PER_SECOND;
    out->events_per_second = (int64_t)speed->per_s;
    int64_t left_s = replay_speed_left_s(speed, view);
    if (left_s < 0)
        return;
    out->seconds_left_presence_case =
        TELEFACT__STORE__V1__REBUILD_PROGRESS__SECONDS_LEFT_PRESENCE_SECONDS_LEFT;
    out->seconds_left = left_s;
}
