#include "services/store/replay_metrics.h"

#include "libs/ops/metrics.h"

#include <stdio.h>

enum number {
    NUMBER_GENERATION,
    NUMBER_DONE,
    NUMBER_TOTAL,
    NUMBER_PER_SECOND,
    NUMBER_LEFT,
    NUMBER_PAUSED,
    NUMBER_BEHIND, /* and what follows: a lag */
    NUMBER_LIVE_BEHIND,
    NUMBERS,
};

static struct metric_series series[NUMBERS];
#define GAUGE(number_, name_, help_) \
    [number_] = {.name = (name_), \
                 .help = (help_), \
                 .kind = METRIC_GAUGE, \
                 .series = &series[number_], \
                 .count = 1}
static struct metric numbers[NUMBERS] = {
    GAUGE(NUMBER_GENERATION, "rebuild_generation",
          "Number of the generation that is rebuilt; 0: none is."),
    GAUGE(NUMBER_DONE, "rebuild_events_done", "Events of rebuild_events_target that it has."),
    GAUGE(NUMBER_TOTAL, "rebuild_events_target", "Events of the log when the rebuild began."),
    GAUGE(NUMBER_PER_SECOND, "rebuild_events_per_second",
          "Its speed since this process saw it in this state."),
    GAUGE(NUMBER_LEFT, "rebuild_eta_seconds",
          "Until rebuild_events_target is reached at this speed; -1: not known."),
    GAUGE(NUMBER_BEHIND, "rebuild_lag_messages", "Events of the log that it does not have."),
    GAUGE(NUMBER_LIVE_BEHIND, "rebuild_live_lag_messages",
          "Events of the log that the live generation does not have."),
    GAUGE(NUMBER_PAUSED, "rebuild_paused", "1: it is paused."),
};

static struct metric_series state_series[GENERATION_STATES];
static char state_labels[GENERATION_STATES][32];
static struct metric states = {.name = "rebuild_state",
                               .help = "1: the rebuild is in this state.",
                               .kind = METRIC_GAUGE,
                               .series = state_series,
                               .count = GENERATION_STATES};

void replay_metrics_none(void)
{
    for (int i = 0; i < NUMBERS; i++)
        metric_set(&series[i], i == NUMBER_LEFT ? -1 : 0);
    for (int state = 0; state < GENERATION_STATES; state++)
        metric_set(&state_series[state], 0);
}

void replay_metrics_add(void)
{
    for (int state = 0; state < GENERATION_STATES; state++) {
        (void)snprintf(state_labels[state], sizeof(state_labels[state]), "state=\"%s\"",
                       generation_state_name((enum generation_state)state));
        state_series[state].labels = state_labels[state];
    }
    for (int i = 0; i < NUMBERS; i++)
        series[i].labels = "";
    for (int i = 0; i < NUMBER_BEHIND; i++)
        metrics_add(&numbers[i]);
    metrics_add(&states);
    replay_metrics_none();
}

void replay_metrics_add_lags(void)
{
    for (int i = NUMBER_BEHIND; i < NUMBERS; i++)
        metrics_add(&numbers[i]);
}

void replay_metrics_set(int generation, const struct replay_view *view,
                        const struct replay_speed *speed)
{
    metric_set(&series[NUMBER_GENERATION], generation);
    metric_set(&series[NUMBER_DONE], view->done);
    metric_set(&series[NUMBER_TOTAL], view->total);
    metric_set(&series[NUMBER_PER_SECOND], (int64_t)speed->per_s);
    metric_set(&series[NUMBER_LEFT], replay_speed_left_s(speed, view));
    metric_set(&series[NUMBER_BEHIND], view->behind);
    metric_set(&series[NUMBER_LIVE_BEHIND], view->live_behind);
    metric_set(&series[NUMBER_PAUSED], view->is_paused ? 1 : 0);
    for (int state = 0; state < GENERATION_STATES; state++)
        metric_set(&state_series[state], (int)view->state == state ? 1 : 0);
}
