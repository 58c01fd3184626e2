/*
 * statistics: what librdkafka tells of a client every few seconds, as metrics.
 *
 * A chosen few of its numbers, summed over all brokers and partitions, so that neither can grow the
 * series. Counters go on over clients that follow one another; gauges show one client. Numbers are
 * taken by the thread that polls the client.
 */
#ifndef LIBS_KAFKA_STATISTICS_H
#define LIBS_KAFKA_STATISTICS_H

#include "libs/base/bytes.h"

enum kafka_number {
    /* gauges */
    KAFKA_BROKERS_CONNECTED,
    KAFKA_REQUESTS_WAITING,
    KAFKA_REQUESTS_IN_FLIGHT,
    KAFKA_ROUND_TRIP_US,
    KAFKA_THROTTLE_US,
    KAFKA_QUEUE_BYTES,          /* of a producer, */
    KAFKA_FETCH_QUEUE_MESSAGES, /* of a consumer, */
    KAFKA_FETCH_QUEUE_BYTES,    /* likewise */
    /* counters */
    KAFKA_REQUESTS,
    KAFKA_REQUEST_ERRORS,
    KAFKA_REQUEST_RETRIES,
    KAFKA_REQUEST_TIMEOUTS,
    KAFKA_RESPONSE_ERRORS,
    KAFKA_SENT_BYTES,
    KAFKA_RECEIVED_BYTES,
    KAFKA_CONNECTS,
    KAFKA_DISCONNECTS,
    KAFKA_REBALANCES, /* of a consumer */
    KAFKA_NUMBERS,
};

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER };

struct kafka_statistics { /* of one client, as of its last statistics; zeroed at first */
    int64_t numbers[KAFKA_NUMBERS];
};

void kafka_statistics_add_metrics(enum kafka_role role); /* once, before threads start */

/* Read a client's new statistics and count what came to its counters. False: they are not what
 * librdkafka writes, and nothing changed. */
bool kafka_statistics_take(struct kafka_statistics *statistics, struct bytes json);

/* The gauges tell of this client. NULL: there is none. */
void kafka_statistics_show(const struct kafka_statistics *statistics);

#endif
