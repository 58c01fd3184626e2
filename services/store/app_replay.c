#include "services/store/app_replay.h"

#include "libs/base/buf.h"
#include "libs/base/log.h"
#include "libs/base/now.h"
#include "libs/ops/admin.h"
#include "services/store/app_ingest.h"
#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"
#include "services/store/kafka/log_watch.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/generations.h"
#include "services/store/postgres/pg_metrics.h"
#include "services/store/replay_listener.h"
#include "services/store/replay_meant.h"
#include "services/store/replay_metrics.h"
#include "services/store/replay_report.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_MS 200
#define BAR_MS 1000
#define LINE_MS 10000 /* between two plain lines of the same state */
#define TRIES_MAX 60  /* of an order that the database is too busy for */
#define TRY_MS 1000
#define GROUP_MAX 300
#define REPORT_MAX 4096

static volatile sig_atomic_t is_stopping;
static volatile sig_atomic_t is_interruptible; /* nothing would be lost by ending right now */

static void on_signal(int signal)
{
    (void)signal;
    if (is_stopping != 0 || is_interruptible != 0)
        _exit(EXIT_FAILURE);
    is_stopping = 1;
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

struct app_replay {
    const struct store_settings *settings;
    const struct replay_options *options;
    char *conninfo;
    char topic[APP_TOPIC_MAX];
    char group_id[GROUP_MAX];
    struct consumer_options consumer_options;
    struct generations *generations;
    struct generation_store store;
    struct kafka_log_watch *watch;
    struct log_watch log;
    enum report_form form;
    struct buf out;
    int generation; /* that is reported on */
    /* Of the last report. */
    struct replay_speed speed;
    enum generation_state reported_state;
    int64_t reported_ms; /* 0: none yet */
};

static int fail(const struct err *err)
{
    (void)fputs("telefact-store: replay: ", stderr);
    (void)fputs(err->text, stderr);
    (void)fputc('\n', stderr);
    return EXIT_FAILURE;
}

/* Print what was reported, and be ready for the next. */
static void flush(struct app_replay *app)
{
    (void)fwrite(app->out.data, 1, app->out.len, stdout);
    (void)fflush(stdout);
    buf_clear(&app->out);
}

static enum report_form form_of(const struct replay_options *options)
{
    if (options->is_json)
        return REPORT_JSON;
    return isatty(STDOUT_FILENO) != 0 ? REPORT_BAR : REPORT_LINE;
}

static void init(struct app_replay *app, const struct store_settings *settings,
                 const struct replay_options *options)
{
    *app = (struct app_replay){.settings = settings, .options = options, .form = form_of(options)};
    buf_init(&app->out, REPORT_MAX);
    app->conninfo = database_url_conninfo(settings->database_url);
    app_events_topic(settings, app->topic);
    app->consumer_options = app_consumer_options(settings, "telefact-replay", app->topic);
    struct session_options session = app_session_options(settings, app->conninfo);
    app->generations = generations_new(&session, settings->bot_id);
    app->store = generations_port(app->generations);
    app->watch = kafka_log_watch_new(&app->consumer_options);
    app->log = kafka_log_watch_port(app->watch);
}

static void done(struct app_replay *app)
{
    kafka_log_watch_free(app->watch);
    generations_free(app->generations);
    free(app->conninfo);
    buf_done(&app->out);
}

/* ---- which generation ---- */

static bool find_meant(struct app_replay *app, int *out, struct err *err)
{
    struct generation_row *rows = NULL;
    size_t count = 0;
    *out = app->options->generation;
    if (*out > 0)
        return true;
    if (!app->store.list(app->store.self, &rows, &count, err))
        return false;
    const struct generation_row *meant = NULL;
    if (replay_meant(app->options->action, 0, rows, count, &meant) == REPLAY_FOUND)
        *out = meant->id;
    generation_rows_free(rows, count);
    return *out > 0 || err_set(err, ERR_REJECT, "%s",
                               app->options->action == REPLAY_ROLLBACK
                                   ? "no generation is kept to go back to"
                                   : "nothing is being rebuilt: see `replay list`");
}

/* ---- working ---- */

static void on_compared(void *self, const struct table_difference *table)
{
    struct app_replay *app = self;
    replay_report_table(&app->out, app->form, table);
    flush(app);
}

static void report(struct app_replay *app, const struct replay_view *view)
{
    int64_t now_ms = now_monotonic_ms();
    bool is_new = app->reported_ms == 0 || app->reported_state != view->state;
    int64_t pause_ms = app->form == REPORT_LINE ? LINE_MS : BAR_MS;
    replay_speed_add(&app->speed, view, now_ms);
    if (!is_new && now_ms - app->reported_ms < pause_ms)
        return;
    app->reported_ms = now_ms;
    app->reported_state = view->state;
    replay_report(&app->out, app->form, app->generation, view, &app->speed);
    flush(app);
}

static void on_viewed(void *self, const struct replay_view *view)
{
    struct app_replay *app = self;
    report(app, view);
    replay_metrics_set(app->generation, view, &app->speed);
}

/* The leading loop sees by itself that the thread is done. */
static void on_ingest_ended(void *arg)
{
    (void)arg;
}

static bool open_ingest(struct app_replay *app, int generation, struct app_ingest **out,
                        struct err *err)
{
    (void)snprintf(app->group_id, sizeof(app->group_id), "%s-replay-%d",
                   app->settings->kafka_group_id, generation);
    struct app_ingest_options options = {.settings = app->settings,
                                         .conninfo = app->conninfo,
                                         .group_id = app->group_id,
                                         .rebuild = generation,
                                         .percent = app->options->cpu_percent,
                                         .bulk_bytes = app->options->memory_bytes,
                                         .ended = on_ingest_ended};
    return app_ingest_open(&options, out, err);
}

/* An index or a comparison is nothing to wait for. */
static bool is_long(enum generation_state state)
{
    return state == GENERATION_INDEXING || state == GENERATION_VERIFYING;
}

static bool step(struct replay *replay, struct replay_view *view, enum replay_progress *progress)
{
    struct err err;
    is_interruptible = is_long(view->state) ? 1 : 0;
    bool is_good = replay_step(replay, now_monotonic_ms(), view, progress, &err);
    is_interruptible = 0;
    if (!is_good && err.kind == ERR_FATAL) {
        log_error("cannot go on", LOG_TEXT("error", err.text));
        *progress = REPLAY_FAILED;
    } else if (!is_good) {
        log_warn("cannot go on yet, trying again", LOG_TEXT("error", err.text));
    }
    return is_good;
}

/* Until the generation needs no more, or a signal. */
static enum replay_progress lead(struct app_replay *app, int generation, struct app_ingest *ingest)
{
    struct replay_rules rules = {.id = generation,
                                 .is_swapped_when_ready = app->options->is_swapped_when_ready,
                                 .grace_ms = app->options->grace_ms,
                                 .viewed = on_viewed,
                                 .compared = on_compared,
                                 .self = app};
    struct replay *replay = replay_new(&rules, &app->store, &app->log);
    enum replay_progress progress = REPLAY_GOES_ON;
    app->generation = generation;
    struct replay_view view = {0};
    while (progress == REPLAY_GOES_ON && is_stopping == 0 && !app_ingest_is_done(ingest)) {
        bool is_good = step(replay, &view, &progress);
        if (is_good && progress != REPLAY_GONE)
            app_ingest_yield(ingest, view.live_behind > app->options->live_lag_max);
        (void)poll(NULL, 0, is_good ? STEP_MS : TRY_MS);
    }
    replay_free(replay);
    return progress;
}

static void add_metrics(const struct app_replay *app)
{
    admin_add_metrics();
    replay_metrics_add();
    replay_metrics_add_lags();
    ingest_metrics_add();
    pg_metrics_add_writer();
    ingest_refusals_add();
    consumer_add_metrics(&app->settings->kafka);
}

/* Who listens is told, so that no rebuild takes the address of the store beside it. */
static bool open_listener(const struct app_replay *app, struct replay_listener **out,
                          struct err *err)
{
    const char *listen = app->options->admin_listen;
    return listen == NULL || replay_listener_open(listen, out, err) ||
           err_prefix(err, "--admin-listen");
}

static int work(struct app_replay *app, int generation)
{
    struct app_ingest *ingest = NULL;
    struct replay_listener *listener = NULL;
    struct err err;
    add_metrics(app);
    take_signals();
    if (!open_listener(app, &listener, &err) || !open_ingest(app, generation, &ingest, &err)) {
        replay_listener_free(listener);
        return fail(&err);
    }
    enum replay_progress progress = lead(app, generation, ingest);
    app_ingest_free(ingest);
    replay_listener_free(listener);
    if (app->form == REPORT_BAR)
        (void)fputc('\n', stdout);
    if (progress == REPLAY_GONE) {
        (void)err_set(&err, ERR_REJECT, "generation %d is gone", generation);
        return fail(&err);
    }
    bool is_well = progress == REPLAY_DONE || (progress == REPLAY_GOES_ON && is_stopping != 0);
    return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- words ---- */

static bool make(struct app_replay *app, int *out, struct err *err)
{
    const struct replay_options *options = app->options;
    struct replay_making making = {.expected_differences = options->expected_differences,
                                   .is_forced = options->is_forced};
    if (options->has_as_of_position)
        making.end = &options->as_of_position;
    if (options->has_as_of_time)
        making.end_ms = &options->as_of_ms;
    return replay_make(&making, &app->store, &app->log, out, err);
}

static int start(struct app_replay *app)
{
    int generation = 0;
    struct err err;
    if (!make(app, &generation, &err))
        return fail(&err);
    log_info("generation made", LOG_INT("generation", generation));
    return app->options->is_only_made ? EXIT_SUCCESS : work(app, generation);
}

static int show_list(struct app_replay *app)
{
    struct generation_row *rows = NULL;
    size_t count = 0;
    struct err err;
    if (!app->store.list(app->store.self, &rows, &count, &err))
        return fail(&err);
    for (size_t i = 0; i < count; i++) {
        replay_report_row(&app->out, app->form, &rows[i]);
        flush(app);
    }
    generation_rows_free(rows, count);
    return EXIT_SUCCESS;
}

/* One look, or one a second until it needs no more. */
static int show_status(struct app_replay *app, int generation, bool is_again)
{
    struct replay_rules rules = {.id = generation};
    struct replay *replay = replay_new(&rules, &app->store, &app->log);
    struct err err;
    bool is_good = true;
    enum replay_progress progress = REPLAY_GOES_ON;
    app->generation = generation;
    take_signals();
    while (is_good && progress == REPLAY_GOES_ON && is_stopping == 0) {
        struct replay_view view;
        is_good = replay_look(replay, now_monotonic_ms(), &view, &progress, &err);
        if (is_good && progress != REPLAY_GONE) {
            app->reported_ms = 0;
            report(app, &view);
        }
        if (!is_again)
            break;
        (void)poll(NULL, 0, BAR_MS);
    }
    if (app->form == REPORT_BAR)
        (void)fputc('\n', stdout);
    replay_free(replay);
    return is_good ? EXIT_SUCCESS : fail(&err);
}

typedef bool (*order_fn)(struct app_replay *app, int generation, struct err *err);

static bool pause_it(struct app_replay *app, int generation, struct err *err)
{
    return app->store.set_paused(app->store.self, generation, true, err);
}

static bool resume_it(struct app_replay *app, int generation, struct err *err)
{
    return app->store.set_paused(app->store.self, generation, false, err);
}

static bool swap_it(struct app_replay *app, int generation, struct err *err)
{
    return app->store.swap(app->store.self, generation, err);
}

static bool drop_it(struct app_replay *app, int generation, struct err *err)
{
    return app->store.drop(app->store.self, generation, err);
}

/* The database may be busy with what the order must wait for. */
static int order(struct app_replay *app, int generation, order_fn fn)
{
    struct err err;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (app->store.open(app->store.self, &err) && fn(app, generation, &err)) {
            (void)puts("done");
            return EXIT_SUCCESS;
        }
        if (err.kind != ERR_RETRY)
            break;
        log_info("trying again", LOG_TEXT("error", err.text));
        (void)poll(NULL, 0, TRY_MS);
    }
    return fail(&err);
}

static int run_word(struct app_replay *app)
{
    static const order_fn ORDERS[] = {
        [REPLAY_PAUSE] = pause_it, [REPLAY_RESUME] = resume_it, [REPLAY_CANCEL] = drop_it,
        [REPLAY_SWAP] = swap_it,   [REPLAY_ROLLBACK] = swap_it, [REPLAY_DROP] = drop_it,
    };
    int generation = 0;
    struct err err;
    enum replay_action action = app->options->action;
    if (!app->store.open(app->store.self, &err))
        return fail(&err);
    if (action == REPLAY_LIST)
        return show_list(app);
    if (action == REPLAY_START)
        return start(app);
    if (!find_meant(app, &generation, &err))
        return fail(&err);
    if (action == REPLAY_WORK)
        return work(app, generation);
    if (action == REPLAY_STATUS || action == REPLAY_WATCH)
        return show_status(app, generation, action == REPLAY_WATCH);
    return order(app, generation, ORDERS[action]);
}

int app_replay(const struct store_settings *settings, const struct replay_options *options)
{
    struct app_replay app;
    init(&app, settings, options);
    int code = run_word(&app);
    done(&app);
    return code;
}
