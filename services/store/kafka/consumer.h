/*
 * consumer: the record_source over librdkafka.
 *
 * The consumer group only decides which partitions this process works on; where it works is said by
 * start(), from the fences. Assignment is eager: on every rebalance all partitions are taken first.
 * The group's committed offsets are written for lag tools and never read.
 *
 * When the certificate files have changed, or Kafka has refused the records for a while, a new
 * client takes over as in any rebalance: first all partitions are taken.
 *
 * One thread (ingest) calls everything. Memory: librdkafka's queue is
 * bounded by queued.max.messages.kbytes (8 MiB unless passed through).
 */
#ifndef SERVICES_STORE_KAFKA_CONSUMER_H
#define SERVICES_STORE_KAFKA_CONSUMER_H

#include "libs/base/settings.h"
#include "services/store/ports.h"

struct consumer;

struct consumer_options {
    const char *bootstrap_servers;
    const char *group_id;
    const char *topic;
    const struct settings_pairs *passed; /* librdkafka properties from the environment */
};

/* Connect to nothing yet. All is borrowed until consumer_free. ERR_FATAL: librdkafka refuses a
 * property. */
MUST_CHECK bool consumer_new(const struct consumer_options *options, struct consumer **out,
                             struct err *err);

void consumer_add_metrics(const struct settings_pairs *passed); /* once at start */

/* What the log is: reads the broker's metadata and the topic's settings, waiting at most
 * timeout_ms. ERR_RETRY: no broker answers. ERR_FATAL: the topic is missing or made wrongly; the
 * text says what to run. */
struct consumer_topic {
    int32_t partition_count;
    char cluster_id[CLUSTER_ID_MAX];
};
MUST_CHECK bool consumer_check_topic(struct consumer *consumer, int timeout_ms,
                                     struct consumer_topic *out, struct err *err);

/* Join the group; ASSIGNED events follow, with what the last check of the topic said. */
MUST_CHECK bool consumer_join(struct consumer *consumer, struct err *err);

struct record_source consumer_port(struct consumer *consumer);

/* Leave the group, so that another process takes over at once; waits for the brokers at most a few
 * seconds. Records must have been released. NULL is fine. */
void consumer_free(struct consumer *consumer);

#endif
