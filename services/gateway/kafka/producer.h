/*
 * producer: the record_sink over Kafka: idempotent, acknowledged by all in-sync replicas.
 *
 * After a fatal error of librdkafka (an out-of-order sequence, say) everything on its way is
 * reported as not durable and a new producer takes over, at most once in some seconds. When the
 * certificate files have changed, a producer with the new ones is made beside the old one: once a
 * broker has let it in, it takes over and the old one finishes what it has; until then, and with
 * files that are of no use, the old one goes on. One thread: the loop's.
 */
#ifndef SERVICES_GATEWAY_KAFKA_PRODUCER_H
#define SERVICES_GATEWAY_KAFKA_PRODUCER_H

#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"
#include "services/gateway/ports.h"

struct producer;

/* options are borrowed. ERR_FATAL: librdkafka refuses the options. */
MUST_CHECK bool producer_open(struct loop *loop, struct background *background,
                              const struct kafka_options *options, struct producer **out,
                              struct err *err);

/* Does librdkafka take these options? Nothing is opened. ERR_FATAL: no, and which property. */
MUST_CHECK bool producer_check(const struct kafka_options *options, struct err *err);

void producer_free(struct producer *producer); /* nothing is pending; NULL is fine */

struct record_sink producer_port(struct producer *producer);

/* A broker is connected, takes our records and the queue is below its high mark; else false and
 * why. Only a record tells that a refusal is over, so some seconds after the last one it is ready
 * for another try. */
MUST_CHECK bool producer_is_ready(const struct producer *producer, struct err *err);

/* A topic is gone, as it seems, or the producer is barred. Check the topics, then renew. */
bool producer_has_lost_topic(const struct producer *producer);

/* The topics are not as they must be: take nothing (put fails with ERR_RETRY) until producer_renew.
 */
void producer_bar(struct producer *producer);

/* Go on with a new producer, which knows the topics as they are now. What is on its way is reported
 * as not durable. */
void producer_renew(struct producer *producer);

/* How often changed certificate files were taken into use. */
unsigned producer_reloads(const struct producer *producer);

/* Bring the gauges up to date; about once a second. */
void producer_update_metrics(const struct producer *producer);
void producer_add_metrics(const struct settings_pairs *passed); /* once at start */

#endif
