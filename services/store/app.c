#include "services/store/app.h"

#include "libs/base/backoff.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/loop/loop.h"
#include "libs/ops/admin.h"
#include "services/store/app_rpc.h"
#include "services/store/ingest.h"
#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"
#include "services/store/kafka/consumer.h"
#include "services/store/postgres/connect.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/migrate.h"
#include "services/store/postgres/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 50
#define TOPIC_TIMEOUT_MS 5000
#define CHECKS_MAX 6
#define MIGRATE_TIMEOUT_MS 60000

struct app {
    const struct store_settings *settings;
    char *conninfo;
    char topic[256];
    struct loop *loop;
    struct loop_timer *tick;
    struct admin *admin;
    struct admin_check checks[CHECKS_MAX];
    size_t check_count;

    struct consumer_options consumer_options;
    struct consumer *consumer; /* NULL, as the next two: not this process's role */
    struct writer *writer;
    struct ingest *ingest;
    struct app_rpc *rpc; /* likewise */
    pthread_t ingest_thread;
    bool has_thread;

    atomic_bool is_ingest_done; /* its thread has ended */
    bool is_draining;
    int64_t drain_until_ms;
    int exit_code;
};

static bool has_role(const struct app *app, enum store_role role)
{
    return (app->settings->roles & (uint32_t)role) != 0;
}

static struct session_options session_options(const struct store_settings *settings,
                                              const char *conninfo)
{
    return (struct session_options){.conninfo = conninfo,
                                    .application_name = APP_NAME,
                                    .is_writer = true,
                                    .connect_timeout_ms = settings->connect_timeout_ms,
                                    .statement_timeout_ms = settings->statement_timeout_ms,
                                    .lock_timeout_ms = settings->lock_timeout_ms};
}

/* ---- the ingest thread ---- */

static void on_ingest_failed(void *arg)
{
    struct app *app = arg;
    app->exit_code = EXIT_FAILURE;
    loop_stop(app->loop);
}

/* Wait for the brokers, look whether the topic is what it must be, and join. */
static bool join_group(struct app *app, struct err *err)
{
    struct backoff backoff = {.first_ms = 200, .max_ms = 2000};
    struct consumer_topic topic;
    while (!consumer_check_topic(app->consumer, TOPIC_TIMEOUT_MS, &topic, err)) {
        if (err->kind == ERR_FATAL)
            return false;
        log_warn("the topic cannot be checked yet, trying again", LOG_TEXT("error", err->text));
        if (ingest_wait_stop(app->ingest, backoff_next(&backoff, random_u32())))
            return true;
    }
    int64_t wanted = app->settings->topic_partitions;
    if (wanted > 0 && topic.partition_count != wanted)
        return err_set(err, ERR_FATAL, "topic %s has %d partitions, STORE_TOPIC_PARTITIONS says %d",
                       app->topic, (int)topic.partition_count, (int)wanted);
    log_info("topic is as it must be", LOG_TEXT("topic", app->topic),
             LOG_INT("partitions", topic.partition_count));
    return consumer_join(app->consumer, err);
}

static void *run_ingest(void *arg)
{
    struct app *app = arg;
    struct err err;
    bool is_good = join_group(app, &err) && ingest_run(app->ingest, &err);
    if (!is_good)
        log_error("ingest cannot go on", LOG_TEXT("error", err.text));
    consumer_free(app->consumer); /* leaves the group, so that others take over at once */
    app->consumer = NULL;
    atomic_store(&app->is_ingest_done, true);
    if (!is_good)
        loop_post(app->loop, on_ingest_failed, app);
    return NULL;
}

static struct consumer_options consumer_options(const struct store_settings *settings,
                                                const char *topic)
{
    return (struct consumer_options){.bootstrap_servers = settings->kafka_bootstrap_servers,
                                     .group_id = settings->kafka_group_id,
                                     .topic = topic,
                                     .passed = &settings->kafka};
}

static bool open_consumer(struct app *app, struct err *err)
{
    (void)snprintf(app->topic, sizeof(app->topic), "%s.events.v1", app->settings->topic_prefix);
    app->consumer_options = consumer_options(app->settings, app->topic);
    return consumer_new(&app->consumer_options, &app->consumer, err);
}

static void build_ingest(struct app *app)
{
    const struct store_settings *settings = app->settings;
    struct writer_options writer = {.session = session_options(settings, app->conninfo),
                                    .bot_id = settings->bot_id,
                                    .migrate_on_start = settings->migrate_on_start,
                                    .zombie_after_ms = settings->zombie_after_ms};
    struct ingest_options options = {
        .bot_id = settings->bot_id,
        .batch_max_events = (size_t)settings->batch_max_events,
        .batch_max_bytes = (size_t)settings->batch_max_bytes,
        .linger_ms = settings->batch_linger_ms,
        .dead_letters_per_1000 = (uint32_t)settings->dead_letters_per_1000,
        .position_check_ms = settings->position_check_ms,
    };
    app->writer = writer_new(&writer);
    struct record_source source = consumer_port(app->consumer);
    struct projection_store store = writer_port(app->writer);
    app->ingest = ingest_new(&options, &source, &store);
}

/* Signals are the main thread's. */
static bool start_thread(struct app *app, struct err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&app->ingest_thread, NULL, run_ingest, app);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    app->has_thread = error == 0;
    return error == 0 || err_set(err, ERR_FATAL, "cannot start a thread");
}

static bool start_ingest(struct app *app, struct err *err)
{
    if (!has_role(app, STORE_ROLE_INGEST))
        return true;
    if (!open_consumer(app, err))
        return false;
    build_ingest(app);
    return start_thread(app, err);
}

/* The read side: everything it needs is in the options. */
static bool start_rpc(struct app *app, struct err *err)
{
    struct app_rpc_options options = {
        .settings = app->settings, .conninfo = app->conninfo, .ingest = app->ingest};
    return !has_role(app, STORE_ROLE_RPC) || app_rpc_open(app->loop, &options, &app->rpc, err);
}

/* ---- probes ---- */

static bool is_assigned(void *self, struct err *err)
{
    const struct app *app = self;
    return ingest_status(app->ingest).is_assigned ||
           err_set(err, ERR_RETRY, "no partitions were assigned yet");
}

static bool is_ingesting(void *self, struct err *err)
{
    const struct app *app = self;
    struct ingest_status status = ingest_status(app->ingest);
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
    return (app->ingest == NULL || atomic_load(&app->is_ingest_done)) &&
           (app->rpc == NULL || app_rpc_is_idle(app->rpc));
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
    log_info("draining");
    app->is_draining = true;
    app->drain_until_ms = now_monotonic_ms() + app->settings->drain_timeout_ms;
    admin_drain(app->admin);
    if (app->ingest != NULL)
        ingest_stop(app->ingest);
    if (app->rpc != NULL)
        app_rpc_drain(app->rpc);
    loop_timer_arm(app->tick, 0);
}

/* In reverse order of construction. */
static void done(struct app *app)
{
    if (app->has_thread) {
        ingest_stop(app->ingest);
        (void)pthread_join(app->ingest_thread, NULL);
    }
    admin_free(app->admin);
    app_rpc_free(app->rpc);
    ingest_free(app->ingest);
    consumer_free(app->consumer);
    writer_free(app->writer);
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
    ingest_refusals_add();
    consumer_add_metrics(&settings->kafka);
    app.conninfo = database_url_conninfo(settings->database_url);
    app.loop = loop_new();
    app.tick = loop_timer_new(app.loop, on_tick, &app);
    loop_on_terminate(app.loop, on_terminate, &app);
    if (start_ingest(&app, &err) && start_rpc(&app, &err) && open_admin(&app, &err)) {
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
    struct session_options options = session_options(settings, conninfo);
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
    struct consumer_options options = consumer_options(settings, "check");
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
    return check_database_url(settings, err) && (!ingests || check_consumer(settings, err)) &&
           (!answers || app_rpc_check(settings, err));
}
