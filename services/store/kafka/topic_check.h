/* topic_check: is the events topic what exactly-once and replay need? */
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

#endif
