#include "services/store/app.h"

#include "libs/base/log.h"
#include "libs/base/now.h"
#include "libs/loop/loop.h"
#include "libs/ops/admin.h"
#include "services/store/app_ingest.h"
#include "services/store/app_page.h"
#include "services/store/app_rpc.h"
#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"
#include "services/store/postgres/connect.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/pg_metrics.h"
#include "services/store/replay_metrics.h"

#include <stdlib.h>

#define TICK_MS 50
#define CHECKS_MAX 6
#define MIGRATE_TIMEOUT_MS 60000

struct app {
    const struct store_settings *settings;
    char *conninfo;
    struct loop *loop;
    struct loop_timer *tick;
    struct admin *admin;
    struct admin_check checks[CHECKS_MAX];
    size_t check_count;

    struct app_ingest *ingest; /* NULL, as the next: not this process's role */
    struct app_rpc *rpc;
    struct app_page *page;

    bool is_draining;
    int64_t drain_until_ms;
    int exit_code;
};

static bool has_role(const struct app *app, enum store_role role)
{
    return (app->settings->roles & (uint32_t)role) != 0;
}

/* ---- roles ---- */

static void stop_failed(void *arg)
{
    struct app *app = arg;
    app->exit_code = EXIT_FAILURE;
    loop_stop(app->loop);
}

static void on_ingest_ended(void *arg)
{
    struct app *app = arg;
    loop_post(app->loop, stop_failed, app);
}

static bool start_ingest(struct app *app, struct err *err)
{
    struct app_ingest_options options = {.settings = app->settings,
                                         .conninfo = app->conninfo,
                                         .group_id = app->settings->kafka_group_id,
                                         .ended = on_ingest_ended,
                                         .ended_arg = app};
    return !has_role(app, STORE_ROLE_INGEST) || app_ingest_open(&options, &app->ingest, err);
}

/* The read side: everything it needs is in the options. */
static bool start_rpc(struct app *app, struct err *err)
{
    struct app_rpc_options options = {.settings = app->settings,
                                      .conninfo = app->conninfo,
                                      .ingest = app->ingest == NULL ? NULL
                                                                    : app_ingest_core(app->ingest)};
    return !has_role(app, STORE_ROLE_RPC) || app_rpc_open(app->loop, &options, &app->rpc, err);
}

/* For people: what the others know. */
static bool start_page(struct app *app, struct err *err)
{
    struct app_page_options options = {
        .settings = app->settings,
        .conninfo = app->conninfo,
        .ingest = app->ingest == NULL ? NULL : app_ingest_core(app->ingest)};
    if (app->rpc != NULL)
        options.reads = app_rpc_reads(app->rpc);
    return app_page_open(app->loop, app->admin, &options, &app->page, err);
}

/* ---- probes ---- */

static bool is_assigned(void *self, struct err *err)
{
    const struct app *app = self;
    return ingest_status(app_ingest_core(app->ingest)).is_assigned ||
           err_set(err, ERR_RETRY, "no partitions were assigned yet");
}

static bool is_ingesting(void *self, struct err *err)
{
    const struct app *app = self;
    struct ingest_status status = ingest_status(app_ingest_core(app->ingest));
    if (status.stopped_partitions > 0)
        return err_set(err, ERR_RETRY, "%d partitions stopped, see the log",
                       status.stopped_partitions);
    return status.is_running ||
           err_set(err, ERR_RETRY, "%s",
                   status.is_database_well ? "waits for Kafka" : "waits for the database");
}

static bool is_answering(void *self, struct err *err)
{
    const struct app *app = self;
    return app_rpc_is_ready(app->rpc, err);
}

static void add_check(struct app *app, struct admin_check check)
{
    app->checks[app->check_count++] = check;
}

static bool open_admin(struct app *app, struct err *err)
{
    add_check(app, (struct admin_check){"loop", ADMIN_LIVE, admin_loop_holds, app->loop});
    if (app->ingest != NULL) {
        add_check(app, (struct admin_check){"assignment", ADMIN_STARTED, is_assigned, app});
        add_check(app, (struct admin_check){"assignment", ADMIN_READY, is_assigned, app});
        add_check(app, (struct admin_check){"ingest", ADMIN_READY, is_ingesting, app});
    }
    if (app->rpc != NULL)
        add_check(app, (struct admin_check){"rpc", ADMIN_READY, is_answering, app});
    return admin_open(app->loop, app->settings->admin_listen, app->checks, app->check_count,
                      &app->admin, err);
}

/* ---- the end ---- */

static bool is_finished(const struct app *app)
{
    return (app->ingest == NULL || app_ingest_is_done(app->ingest)) &&
           (app->rpc == NULL || app_rpc_is_idle(app->rpc)) && app_page_is_idle(app->page);
}

static void on_tick(void *arg)
{
    struct app *app = arg;
    if (is_finished(app)) {
        log_info("drained");
        loop_stop(app->loop);
    } else if (now_monotonic_ms() >= app->drain_until_ms) {
        log_error("not drained in time, leaving all the same");
        _Exit(EXIT_FAILURE);
    } else {
        loop_timer_arm(app->tick, TICK_MS);
    }
}

static void on_terminate(void *arg)
{
    struct app *app = arg;
    if (app->is_draining)
        return;
    log_info("draining", LOG_INT("at_most_ms", app->settings->drain_timeout_ms));
    app->is_draining = true;
    app->drain_until_ms = now_monotonic_ms() + app->settings->drain_timeout_ms;
    admin_drain(app->admin);
    if (app->ingest != NULL)
        app_ingest_stop(app->ingest);
    if (app->rpc != NULL)
        app_rpc_drain(app->rpc);
    app_page_drain(app->page);
    loop_timer_arm(app->tick, 0);
}

/* In reverse order of construction. */
static void done(struct app *app)
{
    app_page_free(app->page);
    admin_free(app->admin);
    app_rpc_free(app->rpc);
    app_ingest_free(app->ingest);
    loop_timer_free(app->tick);
    loop_free(app->loop);
    free(app->conninfo);
}

int app_run(const struct store_settings *settings)
{
    struct app app = {.settings = settings, .exit_code = EXIT_SUCCESS};
    struct err err;
    admin_add_metrics();
    ingest_metrics_add();
    pg_metrics_add_writer();
    ingest_refusals_add();
    consumer_add_metrics(&settings->kafka);
    app_page_add_metrics();
    if (has_role(&app, STORE_ROLE_INGEST))
        replay_metrics_add();
    app.conninfo = database_url_conninfo(settings->database_url);
    app.loop = loop_new();
    app.tick = loop_timer_new(app.loop, on_tick, &app);
    loop_on_terminate(app.loop, on_terminate, &app);
    if (start_ingest(&app, &err) && start_rpc(&app, &err) && open_admin(&app, &err) &&
        start_page(&app, &err)) {
        log_info("started", LOG_INT("bot_id", settings->bot_id));
        loop_run(app.loop);
    } else {
        log_error("cannot start", LOG_TEXT("error", err.text));
        app.exit_code = EXIT_FAILURE;
    }
    done(&app);
    return app.exit_code;
}

/* ---- other commands ---- */

int app_migrate(const struct store_settings *settings)
{
    struct err err;
    struct migrate_result result;
    char *conninfo = database_url_conninfo(settings->database_url);
    struct session_options options = app_session_options(settings, conninfo);
    options.lock_timeout_ms = MIGRATE_TIMEOUT_MS;
    options.statement_timeout_ms = MIGRATE_TIMEOUT_MS;
    bool is_done = migrate_database(&options, settings->bot_id, &result, &err);
    free(conninfo);
    if (is_done)
        log_info("database is up to date", LOG_INT("applied", result.applied),
                 LOG_INT("version", result.version), LOG_INT("generation", result.generation));
    else
        log_error("cannot migrate", LOG_TEXT("error", err.text));
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool check_consumer(const struct store_settings *settings, struct err *err)
{
    struct consumer_options options =
        app_consumer_options(settings, settings->kafka_group_id, "check");
    struct consumer *consumer = NULL;
    if (!consumer_new(&options, &consumer, err))
        return false;
    consumer_free(consumer);
    return true;
}

static bool check_database_url(const struct store_settings *settings, struct err *err)
{
    char *conninfo = database_url_conninfo(settings->database_url);
    bool is_good = connect_check(conninfo, err);
    free(conninfo);
    return is_good || err_prefix(err, "STORE_DATABASE_URL");
}

bool app_check(const struct store_settings *settings, struct err *err)
{
    bool ingests = (settings->roles & (uint32_t)STORE_ROLE_INGEST) != 0;
    bool answers = (settings->roles & (uint32_t)STORE_ROLE_RPC) != 0;
    bool orders = answers && settings->rpc_admin_tokens_file[0] != '\0';
    return check_database_url(settings, err) &&
           ((!ingests && !orders) || check_consumer(settings, err)) &&
           (!answers || app_rpc_check(settings, err)) && app_page_check(settings, err);
}
