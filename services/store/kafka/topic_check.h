/* topic_check: is the events topic what exactly-once and replay need, may it be read, and where
 * does it begin and end? */
#ifndef SERVICES_STORE_KAFKA_TOPIC_CHECK_H
#define SERVICES_STORE_KAFKA_TOPIC_CHECK_H

#include "services/store/kafka/consumer.h"

#include <librdkafka/rdkafka.h>

/* As consumer_check_topic. */
MUST_CHECK bool topic_check(rd_kafka_t *rk, const char *topic, int timeout_ms,
                            struct consumer_topic *out, struct err *err);

/* Ask for the partition count and the cluster's id alone. ERR_RETRY whatever is wrong: a topic that
 * is away while the service runs may come back. */
MUST_CHECK bool topic_identify(rd_kafka_t *rk, const char *topic, int timeout_ms,
                               struct log_identity *out, struct err *err);

/* The timestamps that ask for the edges. */
enum topic_edge { EDGE_FIRST = -2, EDGE_END = -1 };

/* Ask where these partitions begin or end: the offsets in `list` become the answers. ERR_RETRY. */
MUST_CHECK bool topic_edges(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                            enum topic_edge edge, int timeout_ms, struct err *err);

/* Read at the end of one partition, with a client that has not joined a group. Nothing else shows
 * that the records are ours to read. ERR_RETRY: no answer, or a refusal. */
MUST_CHECK bool topic_prove_readable(rd_kafka_t *rk, const char *topic, int timeout_ms,
                                     struct err *err);

#endif
