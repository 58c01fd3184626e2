/*
 * produce: what every producer of ours has in common: the properties that durability and order
 * stand on, how a record is handed to librdkafka, and what an error says about a record. One thread
 * at a time.
 */
#ifndef LIBS_KAFKA_PRODUCE_H
#define LIBS_KAFKA_PRODUCE_H

#include "libs/base/err.h"
#include "libs/wire/record.h"

#include <librdkafka/rdkafka.h>

/* Idempotent, acknowledged by all in-sync replicas, records of at most 2 MiB; to be set after the
 * operator's, so that nothing can loosen it. ERR_FATAL names the property that librdkafka refuses.
 */
MUST_CHECK bool produce_conf_set(rd_kafka_conf_t *conf, struct err *err);

/* Hand over; `record` is copied. NULL: taken, and its delivery report will carry `opaque`. Else it
 * was not taken, and the caller destroys the error. */
rd_kafka_error_t *produce_record(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition,
                                 const struct record *record, void *opaque);

/* A report's message: all in-sync replicas have it. */
bool produce_is_durable(const rd_kafka_message_t *message);

/* The topic takes no record of this size. */
bool produce_is_too_large(rd_kafka_resp_err_t code);

#endif
