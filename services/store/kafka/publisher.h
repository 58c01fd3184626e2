/*
 * publisher: the log_sink over librdkafka: idempotent, acknowledged by all in-sync replicas.
 *
 * For commands, which wait: one thread calls everything, and every wait ends when a record's
 * delivery timeout has passed. Memory: librdkafka's queue is bounded by PUBLISHER_QUEUE_KBYTES
 * and PUBLISHER_QUEUE_RECORDS.
 */
#ifndef SERVICES_STORE_KAFKA_PUBLISHER_H
#define SERVICES_STORE_KAFKA_PUBLISHER_H

#include "libs/base/settings.h"
#include "services/store/log_ports.h"

#define PUBLISHER_QUEUE_KBYTES 16384
/* The kilobytes count keys and values alone; with its headers a small record takes 1 KiB. */
#define PUBLISHER_QUEUE_RECORDS 20000

struct publisher;

struct publisher_options {
    const char *bootstrap_servers;
    const char *topic;
    const struct settings_pairs *passed; /* librdkafka properties from the environment */
    int64_t delivery_timeout_ms;
    int64_t topic_partitions; /* that the topic must have; 0: as many as the check finds */
};

/* Connect to nothing yet. All is borrowed until publisher_free. ERR_FATAL: librdkafka refuses a
 * property. */
MUST_CHECK bool publisher_new(const struct publisher_options *options, struct publisher **out,
                              struct err *err);

/* Is the topic what it must be? Before the first record; waits at most timeout_ms for each of a few
 * questions. ERR_RETRY: no broker answers. ERR_FATAL: Kafka refuses us, or the topic is missing or
 * made wrongly. */
MUST_CHECK bool publisher_check_topic(struct publisher *publisher, int timeout_ms, struct err *err);

int32_t publisher_partitions(const struct publisher *publisher); /* that the topic has */

struct log_sink publisher_port(struct publisher *publisher);

/* What is on its way and not durable is given up: flush before. NULL is fine. */
void publisher_free(struct publisher *publisher);

#endif
