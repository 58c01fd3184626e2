#include "services/store/replay_report.h"

#include <inttypes.h>

#define BAR_WIDTH 30

/* A report that does not fit is cut. */
#define PUT(out, ...) \
    do { \
        if (!buf_appendf((out), __VA_ARGS__)) \
            return; \
    } while (0)

void replay_speed_add(struct replay_speed *speed, const struct replay_view *view, int64_t now_ms)
{
    bool is_new = speed->since_ms == 0 || speed->state != view->state;
    if (is_new) {
        *speed = (struct replay_speed){
            .since_ms = now_ms, .since_done = view->done, .state = view->state};
        return;
    }
    int64_t passed_ms = now_ms - speed->since_ms;
    if (passed_ms <= 0)
        return;
    speed->is_known = true;
    speed->per_s = (double)(view->done - speed->since_done) * 1000.0 / (double)passed_ms;
}

int64_t replay_speed_left_s(const struct replay_speed *speed, const struct replay_view *view)
{
    if (view->state != GENERATION_BUILDING || speed->per_s < 1.0)
        return -1;
    return (int64_t)((double)(view->total - view->done) / speed->per_s);
}

static void print_bar(struct buf *out, const struct replay_view *view)
{
    char bar[BAR_WIDTH + 1];
    int64_t filled = view->total > 0 ? view->done * BAR_WIDTH / view->total : BAR_WIDTH;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    PUT(out, "\r\033[K[%s] ", bar);
}

static void print_text(struct buf *out, int generation, const struct replay_view *view,
                       const struct replay_speed *speed)
{
    double share = view->total > 0 ? 100.0 * (double)view->done / (double)view->total : 100.0;
    PUT(out, "generation %d %s%s: %" PRId64 " of %" PRId64 " events (%.1f %%)", generation,
        generation_state_name(view->state), view->is_paused ? ", paused" : "", view->done,
        view->total, share);
    int64_t left = replay_speed_left_s(speed, view);
    if (left >= 0)
        PUT(out, ", %.0f/s, %" PRId64 ":%02" PRId64 " left", speed->per_s, left / 60, left % 60);
    PUT(out, ", behind %" PRId64 ", live behind %" PRId64, view->behind, view->live_behind);
    if (view->detail[0] != '\0')
        PUT(out, ", %s", view->detail);
}

void replay_report(struct buf *out, enum report_form form, int generation,
                   const struct replay_view *view, const struct replay_speed *speed)
{
    if (form == REPORT_JSON) {
        PUT(out,
            "{\"generation\":%d,\"state\":\"%s\",\"paused\":%s,\"done\":%" PRId64
            ",\"total\":%" PRId64 ",\"events_per_s\":%.0f,\"left_s\":%" PRId64
            ",\"behind\":%" PRId64 ",\"live_behind\":%" PRId64 ",\"detail\":\"%s\"}\n",
            generation, generation_state_name(view->state), view->is_paused ? "true" : "false",
            view->done, view->total, speed->per_s, replay_speed_left_s(speed, view), view->behind,
            view->live_behind, view->detail);
        return;
    }
    if (form == REPORT_BAR)
        print_bar(out, view);
    print_text(out, generation, view, speed);
    if (form == REPORT_LINE)
        PUT(out, "\n");
}

void replay_report_table(struct buf *out, enum report_form form,
                         const struct table_difference *table)
{
    if (form == REPORT_JSON)
        PUT(out,
            "{\"table\":\"%s\",\"equal\":%s,\"rows_live\":%" PRId64 ",\"rows_new\":%" PRId64
            ",\"example\":\"%s\"}\n",
            table->table, table->is_equal ? "true" : "false", table->rows_live, table->rows_new,
            table->example);
    else
        PUT(out, "%s%-12s %s  live %" PRId64 " rows, new %" PRId64 " rows%s%s\n",
            form == REPORT_BAR ? "\r\033[K" : "", table->table,
            table->is_equal ? "equal  " : "DIFFERS", table->rows_live, table->rows_new,
            table->example[0] != '\0' ? ", first at " : "", table->example);
}

void replay_report_row(struct buf *out, enum report_form form, const struct generation_row *row)
{
    if (form == REPORT_JSON)
        PUT(out,
            "{\"generation\":%d,\"state\":\"%s\",\"paused\":%s,\"projection_version\":%d,"
            "\"created_at\":\"%s\",\"detail\":\"%s\"}\n",
            row->id, generation_state_name(row->state), row->is_paused ? "true" : "false",
            row->projection_version, row->created_at, row->detail);
    else
        PUT(out, "%4d  %-11s %s  version %d  made %s%s%s\n", row->id,
            generation_state_name(row->state), row->is_paused ? "paused" : "      ",
            row->projection_version, row->created_at, row->detail[0] != '\0' ? "  " : "",
            row->detail);
}
