/*
 * topics: the topics this service writes to: make them, and refuse wrong ones.
 *
 * All calls here wait for Kafka (seconds): use them from a command or a background thread.
 */
#ifndef SERVICES_GATEWAY_KAFKA_TOPICS_H
#define SERVICES_GATEWAY_KAFKA_TOPICS_H

#include "libs/base/err.h"
#include "services/gateway/kafka/options.h"
#include "services/gateway/ports.h"

#define TOPIC_NAME_MAX 256
#define TOPICS_REPORT_MAX 2048

struct topics_plan { /* what `topics create` asks for beside the options */
    int replication_factor;
    int64_t raw_retention_ms;
    int answer_ms; /* how long Kafka may take for each answer */
};

/* <prefix>.events.v1, <prefix>.raw.v1 */
void topic_name(const char *prefix, enum sink_topic topic, char out[TOPIC_NAME_MAX]);

/* <prefix>.lease.v1: one partition, nothing in it; who has it in the pollers' group, polls. */
void topic_lease_name(const char *prefix, char out[TOPIC_NAME_MAX]);

/* Make the topics that are missing; those that are there stay as they are. *out_created: how many.
 * ERR_RETRY: Kafka cannot be reached. ERR_FATAL: Kafka refuses. */
MUST_CHECK bool topics_create(const struct kafka_options *options, const struct topics_plan *plan,
                              int *out_created, struct err *err);

/* Look at the topics. `report` gets a line for each thing that is wrong, `advice` for each that is
 * only unwise; both are emptied first. ERR_RETRY: Kafka cannot be reached. ERR_REJECT: a topic is
 * missing or wrong, and `report` says what to do. */
struct topics_findings {
    char report[TOPICS_REPORT_MAX];
    char advice[TOPICS_REPORT_MAX];
};
MUST_CHECK bool topics_check(const struct kafka_options *options, struct topics_findings *out,
                             struct err *err);

#endif
