/*
 * log_watch: the log_watch port over Kafka: where the log begins and ends, without reading it and
 * outside every group.
 *
 * A client is made when it is asked for and given up after a failure, so changed certificates are
 * taken up. One thread calls everything.
 */
#ifndef SERVICES_STORE_KAFKA_LOG_WATCH_H
#define SERVICES_STORE_KAFKA_LOG_WATCH_H

#include "services/store/kafka/consumer.h"
#include "services/store/replay_ports.h"

struct kafka_log_watch;

struct kafka_log_watch *kafka_log_watch_new(const struct consumer_options *options); /* borrowed */
struct log_watch kafka_log_watch_port(struct kafka_log_watch *watch);
void kafka_log_watch_free(struct kafka_log_watch *watch); /* NULL is fine */

#endif
