/*
 * outbox: events on their way to the log, one unacknowledged record per key.
 *
 * What both intakes share. Events of a batch are put in their order; an event whose key is busy,
 * with an earlier event of the batch or of another one, waits encoded until that one is
 * acknowledged. When an event fails, the later ones of its key in the same batch fail without being
 * sent, so order within a key is never broken. A batch lives until the last of its records is
 * reported, whoever asked for it may be gone by then. One thread.
 */
#ifndef SERVICES_GATEWAY_OUTBOX_H
#define SERVICES_GATEWAY_OUTBOX_H

#include "services/gateway/ports.h"

struct outbox;

struct outbox_limits { /* of what is admitted and not yet answered */
    size_t max_count;
    size_t max_bytes;
    int64_t wait_ms; /* the longest wait for a busy key */
};

/* Names of the crash points that a batch passes. */
struct outbox_points {
    const char *before_produce;
    const char *after_produce;
    const char *delivered;
};

struct outbox_batch {
    const struct event *events; /* borrowed until outbox_send returns */
    size_t count;
    /* Of several batches in an order of their own: an event that waits for its key fails with the
     * earlier event that it waits for, so that no retry of that one comes later than it. */
    bool is_sequence;
    const struct trace *trace; /* borrowed as long */
    const struct outbox_points *points;
    const size_t *load; /* what the points tell: how much its intake has in hand; lives for ever */
    /* Exactly once, when every event has a result; possibly before outbox_send returns. */
    void (*done)(void *arg, const struct event_result *results, size_t count);
    void *arg;
};

/* `sink` is borrowed. */
struct outbox *outbox_new(const struct record_sink *sink, const struct outbox_limits *limits);
void outbox_free(struct outbox *outbox); /* it is empty; NULL is fine */

/* Reserve room for `count` records from `bytes` of input. False: too much is in flight. */
MUST_CHECK bool outbox_admit(struct outbox *outbox, size_t count, size_t bytes);
void outbox_release(struct outbox *outbox, size_t count, size_t bytes);
size_t outbox_in_flight(const struct outbox *outbox); /* admitted and not yet released */
size_t outbox_in_flight_bytes(const struct outbox *outbox);
size_t outbox_waiting(const struct outbox *outbox); /* events waiting for their key */
bool outbox_is_empty(const struct outbox *outbox);  /* no batch is left */

void outbox_send(struct outbox *outbox, const struct outbox_batch *batch);

/* A raw update keeps no order and waits for nobody; `batch` gives points, done and arg. */
void outbox_send_raw(struct outbox *outbox, const struct raw_update *raw,
                     const struct outbox_batch *batch);

/* Give up the waits that are over; a few times a second. */
void outbox_sweep(struct outbox *outbox, int64_t now_ms);

/* Give up all waits: none of these events was handed to the sink. */
void outbox_give_up_waits(struct outbox *outbox);

#endif
