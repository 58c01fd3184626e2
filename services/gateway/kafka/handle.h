/*
 * handle: one librdkafka producer whose events arrive on the loop.
 *
 * Every record that was put is reported exactly once, whatever happens to the producer. A handle
 * that drains or is retired takes no more and ends itself, away from the loop, after its last
 * report; a retired one reports what it still has as not durable. One thread.
 */
#ifndef SERVICES_GATEWAY_KAFKA_HANDLE_H
#define SERVICES_GATEWAY_KAFKA_HANDLE_H

#include "libs/base/log_limit.h"
#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"
#include "services/gateway/ports.h"

struct handle;

struct handle_shared {  /* by handles that follow one another; zeroed at first */
    size_t pending;     /* records of all of them that are not yet reported */
    int64_t refused_ms; /* when Kafka last refused a record for lack of a right; 0: it took one
                           since */
    struct log_limit errors;
};

struct handle_host { /* what a handle lives on; all is borrowed */
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    struct handle_shared *shared;
    /* librdkafka will never take a record again. Not called from inside handle_put. */
    void (*broken)(void *self, const struct handle *handle, const char *reason);
    void *self;
};

/* ERR_FATAL: librdkafka refuses the options. */
MUST_CHECK bool handle_open(const struct handle_host *host, struct handle **out, struct err *err);

/* As record_sink's put. */
MUST_CHECK bool handle_put(struct handle *handle, enum sink_topic topic,
                           const struct record *record, struct receipt receipt, struct err *err);

int handle_brokers_up(const struct handle *handle);

/* The gauges of libs/kafka/statistics tell of this one; NULL: there is none. */
void handle_show_statistics(const struct handle *handle);

/* A record was refused because its topic is gone. librdkafka looks for it again only after minutes.
 */
bool handle_has_lost_topic(const struct handle *handle);

/* What it has is sent as ever; then it is gone. */
void handle_drain(struct handle *handle);

/* What it has is given up; then it is gone. */
void handle_retire(struct handle *handle);

void handle_free(struct handle *handle); /* nothing is pending; may take a moment; NULL is fine */

/* Register the metrics of all handles; once at start. */
void handle_add_metrics(void);

#endif
