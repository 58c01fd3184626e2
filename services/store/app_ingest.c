#include "services/store/app_ingest.h"

#include "libs/base/backoff.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/random.h"
#include "services/store/app.h"
#include "services/store/pace.h"
#include "services/store/postgres/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC_TIMEOUT_MS 5000
#define DAY_MS INT64_C(86400000)

struct app_ingest {
    struct app_ingest_options options;
    char topic[APP_TOPIC_MAX];
    struct consumer_options consumer_options;
    struct consumer *consumer;
    struct writer *writer;
    struct projection_store store; /* the writer's */
    struct pace *pace;             /* NULL: the ordinary store */
    struct ingest *core;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_done;
};

struct session_options app_session_options(const struct store_settings *settings,
                                           const char *conninfo)
{
    return (struct session_options){.conninfo = conninfo,
                                    .application_name = APP_NAME,
                                    .is_writer = true,
                                    .connect_timeout_ms = settings->connect_timeout_ms,
                                    .statement_timeout_ms = settings->statement_timeout_ms,
                                    .lock_timeout_ms = settings->lock_timeout_ms};
}

struct consumer_options app_consumer_options(const struct store_settings *settings,
                                             const char *group_id, const char *topic)
{
    return (struct consumer_options){.bootstrap_servers = settings->kafka_bootstrap_servers,
                                     .group_id = group_id,
                                     .topic = topic,
                                     .passed = &settings->kafka};
}

void app_events_topic(const struct store_settings *settings, char out[APP_TOPIC_MAX])
{
    (void)snprintf(out, APP_TOPIC_MAX, "%s.events.v1", settings->topic_prefix);
}

/* ---- the thread ---- */

/* Wait for the brokers, look whether the topic is what it must be, and join. */
static bool join_group(struct app_ingest *ingest, struct err *err)
{
    struct backoff backoff = {.first_ms = 200, .max_ms = 2000};
    struct consumer_topic topic;
    while (!consumer_check_topic(ingest->consumer, TOPIC_TIMEOUT_MS, &topic, err)) {
        if (err->kind == ERR_FATAL)
            return false;
        log_warn("the topic cannot be checked yet, trying again", LOG_TEXT("error", err->text));
        if (ingest_wait_stop(ingest->core, backoff_next(&backoff, random_u32())))
            return true;
    }
    int64_t wanted = ingest->options.settings->topic_partitions;
    if (wanted > 0 && topic.partition_count != wanted)
        return err_set(err, ERR_FATAL, "topic %s has %d partitions, STORE_TOPIC_PARTITIONS says %d",
                       ingest->topic, (int)topic.partition_count, (int)wanted);
    log_info("topic is as it must be", LOG_TEXT("topic", ingest->topic),
             LOG_INT("partitions", topic.partition_count));
    return consumer_join(ingest->consumer, err);
}

static void *run_ingest(void *arg)
{
    struct app_ingest *ingest = arg;
    struct err err;
    bool is_good = join_group(ingest, &err) && ingest_run(ingest->core, &err);
    if (!is_good)
        log_error("ingest cannot go on", LOG_TEXT("error", err.text));
    consumer_free(ingest->consumer); /* leaves the group, so that others take over at once */
    ingest->consumer = NULL;
    atomic_store(&ingest->is_done, true);
    if (!is_good)
        ingest->options.ended(ingest->options.ended_arg);
    return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct app_ingest *ingest, struct err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&ingest->thread, NULL, run_ingest, ingest);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    ingest->has_thread = error == 0;
    return error == 0 || err_set(err, ERR_FATAL, "cannot start a thread");
}

/* ---- construction ---- */

static void build_core(struct app_ingest *ingest)
{
    const struct store_settings *settings = ingest->options.settings;
    struct writer_options writer = {
        .session = app_session_options(settings, ingest->options.conninfo),
        .bot_id = settings->bot_id,
        .migrate_on_start = settings->migrate_on_start && ingest->options.rebuild == 0,
        .zombie_after_ms = settings->zombie_after_ms,
        .rebuild = ingest->options.rebuild,
        .bulk_bytes = ingest->options.bulk_bytes,
    };
    struct ingest_options options = {
        .bot_id = settings->bot_id,
        .batch_max_events = (size_t)settings->batch_max_events,
        .batch_max_bytes = (size_t)settings->batch_max_bytes,
        .linger_ms = settings->batch_linger_ms,
        .dead_letters_per_1000 = (uint32_t)settings->dead_letters_per_1000,
        .dead_letter_ms = settings->dead_letter_days * DAY_MS,
        .position_check_ms = settings->position_check_ms,
        .tends_generations = ingest->options.rebuild == 0,
    };
    ingest->writer = writer_new(&writer);
    ingest->store = writer_port(ingest->writer);
    struct projection_store store = ingest->store;
    if (ingest->options.rebuild != 0) {
        ingest->pace = pace_new(&ingest->store, ingest->options.percent);
        store = pace_port(ingest->pace);
    }
    struct record_source source = consumer_port(ingest->consumer);
    ingest->core = ingest_new(&options, &source, &store);
}

bool app_ingest_open(const struct app_ingest_options *options, struct app_ingest **out,
                     struct err *err)
{
    struct app_ingest *ingest = mem_alloc(sizeof(*ingest));
    ingest->options = *options;
    app_events_topic(options->settings, ingest->topic);
    ingest->consumer_options =
        app_consumer_options(options->settings, options->group_id, ingest->topic);
    if (!consumer_new(&ingest->consumer_options, &ingest->consumer, err)) {
        free(ingest);
        return false;
    }
    build_core(ingest);
    if (!start_thread(ingest, err)) {
        app_ingest_free(ingest);
        return false;
    }
    *out = ingest;
    return true;
}

struct ingest *app_ingest_core(struct app_ingest *ingest)
{
    return ingest->core;
}

void app_ingest_yield(struct app_ingest *ingest, bool does_yield)
{
    pace_yield(ingest->pace, does_yield);
}

void app_ingest_stop(struct app_ingest *ingest)
{
    ingest_stop(ingest->core);
}

bool app_ingest_is_done(const struct app_ingest *ingest)
{
    return atomic_load(&ingest->is_done);
}

void app_ingest_free(struct app_ingest *ingest)
{
    if (ingest == NULL)
        return;
    if (ingest->has_thread) {
        ingest_stop(ingest->core);
        (void)pthread_join(ingest->thread, NULL);
    }
    ingest_free(ingest->core);
    pace_free(ingest->pace);
    consumer_free(ingest->consumer);
    writer_free(ingest->writer);
    free(ingest);
}
