/*
 * handle: one librdkafka producer whose events arrive on the loop.
 *
 * Every record that was put is reported exactly once, whatever happens to the producer. A handle
 * that is retired takes no more, reports what it still has as not durable and ends itself away from
 * the loop. One thread.
 */
#ifndef SERVICES_GATEWAY_KAFKA_HANDLE_H
#define SERVICES_GATEWAY_KAFKA_HANDLE_H

#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"
#include "services/gateway/ports.h"

struct handle;

struct handle_host { /* what a handle lives on; all is borrowed */
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    /* librdkafka will never take a record again. Not called from inside handle_put. */
    void (*broken)(void *self, const char *reason);
    void *self;
};

/* ERR_FATAL: librdkafka refuses the options. */
MUST_CHECK bool handle_open(const struct handle_host *host, struct handle **out, struct err *err);

/* As record_sink's put. */
MUST_CHECK bool handle_put(struct handle *handle, enum sink_topic topic,
                           const struct record *record, struct receipt receipt, struct err *err);

size_t handle_pending(const struct handle *handle);
int handle_brokers_up(const struct handle *handle);

/* A record was refused because its topic is gone. librdkafka looks for it again only after minutes.
 */
bool handle_has_lost_topic(const struct handle *handle);

/* It is gone after its last report. */
void handle_retire(struct handle *handle);

void handle_free(struct handle *handle); /* nothing is pending; may take a moment; NULL is fine */

/* Register the metrics of all handles; once at start. */
void handle_add_metrics(void);

#endif
