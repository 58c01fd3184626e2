/* topic_check: is the events topic what exactly-once and replay need? */
#ifndef SERVICES_STORE_KAFKA_TOPIC_CHECK_H
#define SERVICES_STORE_KAFKA_TOPIC_CHECK_H

#include "services/store/kafka/consumer.h"

#include <librdkafka/rdkafka.h>

/* As consumer_check_topic. */
MUST_CHECK bool topic_check(rd_kafka_t *rk, const char *topic, int timeout_ms,
                            struct consumer_topic *out, struct err *err);

#endif
