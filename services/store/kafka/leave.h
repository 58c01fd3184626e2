/* leave: end a client of librdkafka. */
#ifndef SERVICES_STORE_KAFKA_LEAVE_H
#define SERVICES_STORE_KAFKA_LEAVE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Leave the group, if it has joined, so that another member takes over at once; waits for the
 * brokers at most a few seconds. Nothing of the client is held any more. */
void leave_and_destroy(rd_kafka_t *rk, bool has_joined);

#endif
