/* options: what the Kafka adapters are told. All texts are borrowed and outlive them. */
#ifndef SERVICES_GATEWAY_KAFKA_OPTIONS_H
#define SERVICES_GATEWAY_KAFKA_OPTIONS_H

#include "libs/base/settings.h"

#define KAFKA_MESSAGE_MAX (2 << 20) /* bytes of a record; client and topics agree on it */

struct kafka_options {
    const char *bootstrap_servers;
    const char *compression; /* "none", "lz4", "zstd" … */
    int64_t linger_ms;
    int64_t delivery_timeout_ms; /* message.timeout.ms */
    size_t high_mark;            /* records on their way at which the producer is not ready */
    const char *topic_prefix;
    int32_t partitions;
    bool has_lease;                      /* the topic of the pollers' lease is needed */
    const struct settings_pairs *passed; /* librdkafka properties of the operator */
};

#endif
