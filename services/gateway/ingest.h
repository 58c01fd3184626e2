/*
 * ingest: one Telegram update to its events, or to the raw topic, and the answer only after all is
 * acknowledged.
 *
 * What cannot be read or makes no event is kept as a raw update and counts as done: asking Telegram
 * to send it again would block its chat for nothing. One thread.
 */
#ifndef SERVICES_GATEWAY_INGEST_H
#define SERVICES_GATEWAY_INGEST_H

#include "services/gateway/outbox.h"

struct ingest;

struct ingest_options {
    int64_t bot_id;
    const char *producer; /* program and version, lives for ever */
    int64_t deadline_ms;  /* from an update's arrival: then it is not known to be durable */
    bool is_sequence; /* the order of submission is Telegram's: what fails takes the chat's later
                         updates in hand with it */
};

/* `outbox` is borrowed. */
struct ingest *ingest_new(struct outbox *outbox, const struct ingest_options *options);
void ingest_free(struct ingest *ingest); /* nothing is in flight; NULL is fine */

struct update_intake ingest_port(struct ingest *ingest);

/* Give up the updates that are out of time, whatever they wait for; a few times a second. */
void ingest_sweep(struct ingest *ingest, int64_t now_ms);

/* Register the metrics of updates; once at start. source: where they come from, "webhook". */
void ingest_add_metrics(const char *source);

#endif
