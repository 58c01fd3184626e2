/* conf: how the store consumes, and how its commands publish; what exactly-once, durability and
 * bounded memory stand on is fixed, the rest is the operator's. */
#ifndef SERVICES_STORE_KAFKA_CONF_H
#define SERVICES_STORE_KAFKA_CONF_H

#include "services/store/kafka/consumer.h"
#include "services/store/kafka/publisher.h"

#include <librdkafka/rdkafka.h>

/* *out goes to rd_kafka_new. ERR_FATAL: librdkafka refuses a property. */
MUST_CHECK bool consumer_conf(const struct consumer_options *options, rd_kafka_conf_t **out,
                              struct err *err);

/* Likewise. */
MUST_CHECK bool publisher_conf(const struct publisher_options *options, rd_kafka_conf_t **out,
                               struct err *err);

#endif
