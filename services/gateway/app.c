#include "services/gateway/app.h"

#include "libs/base/log.h"
#include "libs/base/now.h"
#include "libs/loop/loop.h"
#include "libs/ops/admin.h"
#include "libs/ops/metrics.h"
#include "libs/rpc/server.h"
#include "services/gateway/app_options.h"
#include "services/gateway/app_polling.h"
#include "services/gateway/ingest.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/producer.h"
#include "services/gateway/kafka/topic_watch.h"
#include "services/gateway/outbox.h"
#include "services/gateway/publish.h"
#include "services/gateway/telegram/webhook.h"

#include <stdlib.h>
#include <string.h>

#define EXIT_CONFIG 78
#define TICK_MS 100
#define SAFE_SECRET_LEN 32
#define DRAIN_TICK_MS 10
#define SECOND_MS 1000
#define REPORT_MS 1500       /* librdkafka looks for records out of time once a second */
#define DRAIN_SLACK_MS 15000 /* a check of the topics and the end of a producer may take it */

enum app_state {
    APP_STARTING, /* Kafka's topics are being checked */
    APP_SERVING,  /* listeners are open */
    APP_DRAINING, /* finish what is in hand, then leave */
};

struct app {
    const struct settings *settings;
    enum app_state state;
    int exit_code;
    int64_t drain_until_ms;
    struct loop *loop;
    struct loop_timer *tick;
    struct background *background;
    struct topic_watch *topics;
    struct admin *admin;
    struct kafka_options kafka;
    struct producer *producer;
    struct record_sink sink;
    struct outbox *outbox;
    struct ingest *ingest;
    struct update_intake updates;
    struct polling *polling; /* NULL: as webhook */
    struct webhook *webhook; /* NULL: not this process's role, or not yet open */
    struct publish *publish;
    struct event_intake events;
    struct publish_service *service; /* NULL: as webhook */
};

static struct metric_series in_flight[] = {{.labels = ""}};
static struct metric in_flight_metric = {
    .name = "in_flight_updates",
    .help = "Updates that are not yet answered and published events not yet acknowledged.",
    .kind = METRIC_GAUGE,
    .series = in_flight,
    .count = 1,
};
static struct metric_series in_flight_bytes[] = {{.labels = ""}};
static struct metric in_flight_bytes_metric = {
    .name = "in_flight_bytes",
    .help = "Bytes of the updates and published events in flight.",
    .kind = METRIC_GAUGE,
    .series = in_flight_bytes,
    .count = 1,
};
static struct metric_series key_waits[] = {{.labels = ""}};
static struct metric key_waits_metric = {
    .name = "key_waiting_events",
    .help = "Events that wait for an earlier event of their chat.",
    .kind = METRIC_GAUGE,
    .series = key_waits,
    .count = 1,
};

static void add_metrics(const struct settings *settings)
{
    metrics_add(&in_flight_metric);
    metrics_add(&in_flight_bytes_metric);
    metrics_add(&key_waits_metric);
    admin_add_metrics();
    ingest_add_metrics(gateway_polls(settings) ? "polling" : "webhook");
    publish_add_metrics();
    producer_add_metrics(&settings->kafka);
    topic_watch_add_metrics();
    webhook_add_metrics();
    polling_add_metrics(settings);
    publish_service_add_metrics();
}

static bool open_webhook(struct app *app, struct err *err)
{
    const struct settings *settings = app->settings;
    if (!gateway_takes_webhook(settings))
        return true;
    struct webhook_options options = {
        .listen = settings->webhook_listen,
        .path = settings->webhook_path,
        .secret = settings->webhook_secret,
        .secret_previous = settings->webhook_secret_previous,
        .max_connections = (int)settings->max_connections,
        .body_max = (size_t)settings->max_body_bytes,
        .request_deadline_ms = settings->request_deadline_ms,
        .idle_ms = settings->idle_ms,
        .forward_url = settings->forward_url,
        .forward_timeout_ms = settings->forward_timeout_ms,
    };
    if (strlen(settings->webhook_secret) < SAFE_SECRET_LEN)
        log_warn("webhook secret is short and may be guessed", LOG_INT("safe", SAFE_SECRET_LEN));
    if (!webhook_open(app->loop, &options, &app->updates, &app->webhook, err))
        return err_prefix(err, "webhook: ");
    log_info("webhook is listening", LOG_TEXT("listen", settings->webhook_listen),
             LOG_INT("port", webhook_port(app->webhook)));
    return true;
}

static bool open_service(struct app *app, struct err *err)
{
    if ((app->settings->roles & ROLE_PUBLISH) == 0)
        return true;
    struct publish_service_options options = app_publish_options(app->settings);
    if (!publish_service_open(app->loop, &options, &app->events, &app->service, err))
        return err_prefix(err, "PublishService: ");
    log_info("PublishService is listening", LOG_TEXT("listen", options.listen),
             LOG_INT("port", publish_service_port(app->service)));
    return true;
}

static bool open_polling(struct app *app, struct err *err)
{
    struct polling_host host = {app->loop,     app->background, &app->kafka,
                                app->producer, app->settings,   &app->updates};
    return polling_open(&host, &app->polling, err) || err_prefix(err, "polling: ");
}

static void fail(struct app *app, const char *msg, const struct err *err)
{
    log_error(msg, LOG_TEXT("error", err->text));
    app->exit_code = EXIT_FAILURE;
    loop_stop(app->loop);
}

static void serve(struct app *app)
{
    struct err err;
    if (!open_webhook(app, &err) || !open_service(app, &err) || !open_polling(app, &err)) {
        fail(app, "a listener cannot be opened", &err);
        return;
    }
    app->state = APP_SERVING;
    log_info("serving", LOG_INT("bot_id", app->settings->bot_id));
}

/* At the start, regularly, and when a topic was lost. */
static void on_topics_checked(void *arg, const struct err *err)
{
    struct app *app = arg;
    if (app->state == APP_STARTING) {
        if (err == NULL)
            serve(app);
        else
            fail(app, "Kafka cannot be used", err);
    } else if (err != NULL) {
        producer_bar(app->producer);
    } else if (producer_has_lost_topic(app->producer)) {
        producer_renew(app->producer);
    }
}

static bool is_finished(const struct app *app)
{
    return !background_is_busy(app->background) && outbox_is_empty(app->outbox) &&
           polling_is_idle(app->polling) &&
           (app->webhook == NULL || webhook_is_idle(app->webhook)) &&
           (app->service == NULL || publish_service_is_idle(app->service));
}

static void on_drain_tick(struct app *app)
{
    if (is_finished(app)) {
        log_info("drained");
        loop_stop(app->loop);
    } else if (now_monotonic_ms() >= app->drain_until_ms) {
        log_error("not drained in time, leaving all the same",
                  LOG_INT("in_flight", (int64_t)outbox_in_flight(app->outbox)));
        _Exit(EXIT_FAILURE);
    }
}

static void on_tick(void *arg)
{
    struct app *app = arg;
    struct err ignored;
    loop_timer_arm(app->tick, app->state == APP_DRAINING ? DRAIN_TICK_MS : TICK_MS);
    int64_t now_ms = now_monotonic_ms();
    if (app->state == APP_DRAINING)
        outbox_give_up_waits(app->outbox); /* their senders come again, to the next process */
    outbox_sweep(app->outbox, now_ms);
    ingest_sweep(app->ingest, now_ms);
    metric_set(&in_flight[0], (int64_t)outbox_in_flight(app->outbox));
    metric_set(&in_flight_bytes[0], (int64_t)outbox_in_flight_bytes(app->outbox));
    metric_set(&key_waits[0], (int64_t)outbox_waiting(app->outbox));
    producer_update_metrics(app->producer);
    if (app->webhook != NULL)
        webhook_update_metrics(app->webhook);
    if (app->service != NULL && app->state == APP_SERVING)
        publish_service_set_serving(app->service, producer_is_ready(app->producer, &ignored));
    if (app->state == APP_SERVING && producer_has_lost_topic(app->producer))
        topic_watch_check(app->topics);
    if (app->state == APP_DRAINING)
        on_drain_tick(app);
}

/* Longer than anything that a drain waits for: the rest of a request, Kafka's answer to it and to
 * its second try as a raw update, the bot's answer, and our own answer to leave. */
static int64_t drain_ms(const struct settings *settings)
{
    int64_t arrival_ms = settings->request_deadline_ms;
    int64_t call_ms = rpc_limits_standard().max_deadline_ms;
    if ((settings->roles & ROLE_PUBLISH) != 0 && call_ms > arrival_ms)
        arrival_ms = call_ms;
    int64_t forward_ms = settings->forward_url[0] == '\0' ? 0 : settings->forward_timeout_ms;
    return arrival_ms + 2 * settings->delivery_timeout_ms + forward_ms +
           settings->request_deadline_ms + DRAIN_SLACK_MS;
}

static void on_terminate(void *arg)
{
    struct app *app = arg;
    if (app->state == APP_DRAINING)
        return;
    int64_t at_most_ms = drain_ms(app->settings);
    log_info("draining", LOG_INT("in_flight", (int64_t)outbox_in_flight(app->outbox)),
             LOG_INT("at_most_ms", at_most_ms));
    app->state = APP_DRAINING;
    app->drain_until_ms = now_monotonic_ms() + at_most_ms;
    topic_watch_stop(app->topics);
    admin_drain(app->admin);
    polling_drain(app->polling);
    if (app->webhook != NULL)
        webhook_drain(app->webhook);
    if (app->service != NULL) {
        publish_service_set_serving(app->service, false);
        publish_service_drain(app->service);
    }
    loop_timer_arm(app->tick, 0);
}

static bool is_started(void *self, struct err *err)
{
    const struct app *app = self;
    return app->state != APP_STARTING || err_set(err, ERR_RETRY, "topics are not checked yet");
}

static bool has_topics(void *self, struct err *err)
{
    const struct app *app = self;
    if (app->state != APP_STARTING && producer_has_lost_topic(app->producer))
        return err_set(err, ERR_RETRY, "a topic is gone or wrong");
    return is_started(self, err);
}

static bool gets_updates(void *self, struct err *err)
{
    const struct app *app = self;
    return polling_check(app->polling, err);
}

static bool is_connected(void *self, struct err *err)
{
    const struct app *app = self;
    return producer_is_ready(app->producer, err);
}

static void build_core(struct app *app)
{
    const struct settings *settings = app->settings;
    struct outbox_limits limits = {
        .max_count = (size_t)settings->max_in_flight,
        .max_bytes = (size_t)settings->max_in_flight_bytes,
        .wait_ms = settings->delivery_timeout_ms,
    };
    app->sink = producer_port(app->producer);
    app->outbox = outbox_new(&app->sink, &limits);
    struct ingest_options ingest = {
        .bot_id = settings->bot_id,
        .producer = APP_PRODUCER,
        .deadline_ms = settings->delivery_timeout_ms + REPORT_MS,
        .is_sequence = gateway_polls(settings),
    };
    app->ingest = ingest_new(app->outbox, &ingest);
    app->updates = ingest_port(app->ingest);
    app->publish = publish_new(app->outbox);
    app->events = publish_port(app->publish);
}

static void run_loop(struct app *app, const struct admin_check *checks, size_t check_count)
{
    struct err err;
    if (!admin_open(app->loop, app->settings->admin_listen, checks, check_count, &app->admin,
                    &err)) {
        log_error("admin listener cannot be opened", LOG_TEXT("error", err.text));
        app->exit_code = EXIT_FAILURE;
        return;
    }
    app->tick = loop_timer_new(app->loop, on_tick, app);
    struct topic_watch_host host = {
        .loop = app->loop,
        .background = app->background,
        .options = &app->kafka,
        .period_ms = app->settings->topic_check_s * SECOND_MS,
        .checked = on_topics_checked,
        .self = app,
    };
    app->topics = topic_watch_new(&host);
    loop_timer_arm(app->tick, TICK_MS);
    loop_on_terminate(app->loop, on_terminate, app);
    topic_watch_check(app->topics);
    loop_run(app->loop);
}

/* In reverse order of construction. */
static void done(struct app *app)
{
    loop_timer_free(app->tick);
    admin_free(app->admin);
    publish_service_free(app->service);
    polling_free(app->polling);
    webhook_free(app->webhook);
    publish_free(app->publish);
    ingest_free(app->ingest);
    producer_free(app->producer);
    outbox_free(app->outbox);
    topic_watch_free(app->topics);
    background_free(app->background);
    loop_free(app->loop);
}

int app_run(const struct settings *settings)
{
    struct app app = {
        .settings = settings,
        .exit_code = EXIT_SUCCESS,
        .kafka = app_kafka_options(settings),
    };
    struct err err;
    add_metrics(settings);
    app.loop = loop_new();
    app.background = background_new(app.loop);
    if (!producer_open(app.loop, app.background, &app.kafka, &app.producer, &err)) {
        log_error("Kafka producer cannot be opened", LOG_TEXT("error", err.text));
        app.exit_code = EXIT_CONFIG;
    } else {
        const struct admin_check checks[] = {
            {"loop", ADMIN_LIVE, admin_loop_holds, app.loop},
            {"topics", ADMIN_STARTED, is_started, &app},
            {"topics", ADMIN_READY, has_topics, &app},
            {"kafka", ADMIN_READY, is_connected, &app},
            {"telegram", ADMIN_READY, gets_updates, &app},
        };
        build_core(&app);
        run_loop(&app, checks, sizeof(checks) / sizeof(*checks));
    }
    done(&app);
    return app.exit_code;
}
