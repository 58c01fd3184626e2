/* conf: how this service talks to Kafka; what durability and order stand on is fixed, the rest is
 * the operator's. */
#ifndef SERVICES_GATEWAY_KAFKA_CONF_H
#define SERVICES_GATEWAY_KAFKA_CONF_H

#include "libs/base/err.h"
#include "services/gateway/kafka/options.h"

#include <librdkafka/rdkafka.h>

/* A configuration for the producer. *out goes to rd_kafka_new. ERR_FATAL: librdkafka refuses a
 * property. */
MUST_CHECK bool kafka_conf_producer(const struct kafka_options *options, rd_kafka_conf_t **out,
                                    struct err *err);

/* The same cluster without what only producing needs, for the admin API. */
MUST_CHECK bool kafka_conf_admin(const struct kafka_options *options, rd_kafka_conf_t **out,
                                 struct err *err);

#endif
