/*
 * ports: what the gateway's core needs from the outside.
 *
 * Adapters: kafka/ (record_sink), telegram/ (webhook listener, forwarder), rpc/ (PublishService). Fakes: tests/support.
 * Everything runs on the gateway's one loop thread.
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
    const char *error; /* when not durable: a constant text; the record may be in the log all the same */
};

typedef void (*delivery_fn)(void *arg, const struct delivery *delivery);

/* Where the gateway puts records. */
struct record_sink {
    /* Hand over; `record` is copied. True: fn(arg) will be called exactly once, later, on the loop's thread.
     * ERR_RETRY: not taken (queue full, no producer right now). */
    bool (*put)(void *self, enum sink_topic topic, const struct record *record, delivery_fn fn, void *arg,
                struct err *err);
    /* Records handed over and not yet reported. */
    size_t (*pending)(void *self);
    void *self;
};

#endif
