/*
 * ports: what the gateway's core needs from the outside.
 *
 * Adapters: kafka/ (record_sink), telegram/ (webhook listener, forwarder), rpc/ (PublishService).
 * Fakes: tests/support. The two intakes are what the core offers to the listeners. Everything runs
 * on the gateway's one loop thread.
 */
#ifndef SERVICES_GATEWAY_PORTS_H
#define SERVICES_GATEWAY_PORTS_H

#include "libs/base/err.h"
#include "libs/wire/record.h"

enum sink_topic { SINK_EVENTS, SINK_RAW };

struct delivery {
    bool is_durable; /* acknowledged by all in-sync replicas */
    int32_t partition;
    int64_t offset;
    /* When not durable: why, a constant text. The record may be in the log all the same. */
    const char *error;
    bool is_too_large; /* not durable, because the topic takes no record of this size */
};

/* Who is told of a delivery. */
struct receipt {
    void (*fn)(void *arg, const struct delivery *delivery);
    void *arg;
};

/* Where the gateway puts records. */
struct record_sink {
    /* Hand over; `record` is copied. True: receipt.fn(receipt.arg) will be called exactly once,
     * later, on the loop's thread. ERR_RETRY: not taken (queue full, no producer right now).
     * ERR_REJECT: larger than the topic takes. */
    bool (*put)(void *self, enum sink_topic topic, const struct record *record,
                struct receipt receipt, struct err *err);
    /* Records handed over and not yet reported. */
    size_t (*pending)(void *self);
    void *self;
};

/* What became of an update or a batch of events. */
enum intake_outcome {
    INTAKE_DONE,        /* an update: all of it is durable; a batch: every event has its result */
    INTAKE_UNAVAILABLE, /* not known to be durable: the sender must send it again */
    INTAKE_BUSY,        /* refused before any work: too much is in flight */
};

typedef void (*update_done_fn)(void *arg, enum intake_outcome outcome, const char *position);

/* Where a listener hands in Telegram's updates. */
struct update_intake {
    /* `body` and the state of `trace` are borrowed until fn was called: exactly once, possibly
     * before this returns; the rest of `trace` is copied. `position` is the token of the update's
     * events, "" when it made none; it lives until fn returns. An update that is not INTAKE_BUSY
     * stays in flight beyond that, until it is released.
     */
    void (*submit)(void *self, struct bytes body, const struct trace *trace, update_done_fn fn,
                   void *arg);
    /* Its sender is answered, so its body of `bytes` is gone. Exactly once, after fn was called. */
    void (*release)(void *self, size_t bytes);
    void *self;
};

enum event_state {
    EVENT_STATE_PENDING,        /* no result yet */
    EVENT_STATE_DURABLE,        /* partition and offset are set */
    EVENT_STATE_UNACKNOWLEDGED, /* it may be in the log all the same */
    EVENT_STATE_EARLIER_FAILED, /* not sent, because an earlier event of the same key was not
                                   durable */
    EVENT_STATE_TOO_LARGE, /* not in the log: larger than an event may be or than the topic takes */
};

struct event_result {
    enum event_state state;
    int32_t partition;
    int64_t offset;
};

/* `results` are in the order of the events and live until fn returns; NULL when the outcome is
 * INTAKE_BUSY. */
typedef void (*events_done_fn)(void *arg, enum intake_outcome outcome,
                               const struct event_result *results);

struct events_request {
    const struct event *events; /* complete and checked */
    size_t count;
    size_t bytes; /* about how much memory they hold */
    const struct trace *trace;
};

/* Where a listener hands in events. */
struct event_intake {
    /* `request` is borrowed until this returns. fn is called exactly once, possibly before this
     * returns. */
    void (*submit)(void *self, const struct events_request *request, events_done_fn fn, void *arg);
    void *self;
};

#endif
