/* admin_call: the questions to Kafka that `topics` asks; each waits for its answer. */
#ifndef SERVICES_GATEWAY_KAFKA_ADMIN_CALL_H
#define SERVICES_GATEWAY_KAFKA_ADMIN_CALL_H

#include "libs/base/err.h"
#include "services/gateway/kafka/options.h"

#include <librdkafka/rdkafka.h>

#define TOPIC_CONFIG_MAX 8 /* entries that are kept */

struct admin_call;

struct topic_shape {
    int partitions; /* 0: there is no such topic */
    int replicas;   /* of the partition that has the fewest */
};

struct topic_config_entry {
    char name[48];
    char value[48];
};

struct topic_config {
    struct topic_config_entry entries[TOPIC_CONFIG_MAX];
    size_t count;
};

/* An answer may take answer_ms. */
MUST_CHECK bool admin_call_open(const struct kafka_options *options, int answer_ms,
                                struct admin_call **out, struct err *err);
void admin_call_free(struct admin_call *admin); /* NULL is fine */

/* All fail with ERR_RETRY when Kafka cannot be reached, with ERR_FATAL when it refuses. */
MUST_CHECK bool admin_call_create(struct admin_call *admin, rd_kafka_NewTopic_t *topic,
                                  struct err *err);
MUST_CHECK bool admin_call_load_shape(struct admin_call *admin, const char *topic,
                                      struct topic_shape *out, struct err *err);
MUST_CHECK bool admin_call_load_config(struct admin_call *admin, const char *topic,
                                       struct topic_config *out, struct err *err);

/* "" and -1 when Kafka did not tell it. */
const char *topic_config_get(const struct topic_config *config, const char *name);
int64_t topic_config_get_number(const struct topic_config *config, const char *name);

#endif
