/*
 * exports: positions that are told to the broker, for lag tools alone: whoever loses one loses
 * nothing. One thread, that of the client.
 */
#ifndef SERVICES_STORE_KAFKA_EXPORTS_H
#define SERVICES_STORE_KAFKA_EXPORTS_H

#include <librdkafka/rdkafka.h>

struct exports {
    rd_kafka_topic_partition_list_t *positions; /* not yet told */
    int64_t sent_ms;
};

void exports_init(struct exports *exports);
void exports_done(struct exports *exports);

/* Tell them now. */
void exports_send(struct exports *exports, rd_kafka_t *rk);

/* Tell it, with others, about once a second. */
void exports_put(struct exports *exports, rd_kafka_t *rk,
                 const rd_kafka_topic_partition_t *position);

#endif
