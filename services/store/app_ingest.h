/*
 * app_ingest: the ingest thread of a process: consumer, writer and the thread that moves the log
 * into the tables. It shares atomics with the others, nothing else.
 */
#ifndef SERVICES_STORE_APP_INGEST_H
#define SERVICES_STORE_APP_INGEST_H

#include "services/store/ingest.h"
#include "services/store/kafka/consumer.h"
#include "services/store/postgres/session_options.h"
#include "services/store/settings.h"

struct app_ingest;

struct app_ingest_options {
    const struct store_settings *settings; /* borrowed, as all texts */
    const char *conninfo;
    const char *group_id;
    int rebuild;           /* the generation to rebuild; 0: the ordinary store */
    int percent;           /* of a rebuild: share of the time that is spent working, */
    size_t bulk_bytes;     /* and what may wait in memory to be written */
    void (*ended)(void *); /* on the ingest thread, once: it cannot go on */
    void *ended_arg;
};

/* How every process of the store connects to write, and to Kafka. */
struct session_options app_session_options(const struct store_settings *settings,
                                           const char *conninfo);
struct consumer_options app_consumer_options(const struct store_settings *settings,
                                             const char *group_id, const char *topic);
#define APP_TOPIC_MAX 256
void app_events_topic(const struct store_settings *settings, char out[APP_TOPIC_MAX]);

/* Connects to nothing yet; the thread runs. ERR_FATAL. */
MUST_CHECK bool app_ingest_open(const struct app_ingest_options *options, struct app_ingest **out,
                                struct err *err);
struct ingest *app_ingest_core(struct app_ingest *ingest);
void app_ingest_yield(struct app_ingest *ingest, bool does_yield); /* of a rebuild; any thread */
void app_ingest_stop(struct app_ingest *ingest);                   /* what is in hand is finished */
bool app_ingest_is_done(const struct app_ingest *ingest);          /* its thread has ended */
void app_ingest_free(struct app_ingest *ingest); /* stops it first; NULL is fine */

#endif
