/*
 * wake: fetching that goes on at once.
 *
 * When its queue is full librdkafka 2.0 fetches nothing, and looks only once a second whether there
 * is room again, unless its broker's thread has something else to do: any question to the broker is
 * that.
 */
#ifndef SERVICES_STORE_KAFKA_WAKE_H
#define SERVICES_STORE_KAFKA_WAKE_H

#include <librdkafka/rdkafka.h>

/* Call when there was nothing to take. Asks the broker of the assigned partition that is furthest
 * behind what it is known to hold, if there is one; waits for the answer 50 ms at most. */
void wake_fetching(rd_kafka_t *rk);

#endif
