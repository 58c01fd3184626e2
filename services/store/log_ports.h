/*
 * log_ports: what the store's commands need in order to write to the events topic.
 *
 * Adapter: kafka/publisher. Fake: tests/support/fake_log_sink. One thread.
 */
#ifndef SERVICES_STORE_LOG_PORTS_H
#define SERVICES_STORE_LOG_PORTS_H

#include "libs/base/err.h"
#include "libs/wire/position.h"
#include "libs/wire/record.h"

#define LOG_PARTITION_OF_KEY (-1) /* murmur2 of the record's key, where its chat's events are */

/* Where commands put records: those of one partition stand in the log in the order they were put.
 *
 * A record that Kafka does not acknowledge may be in the log all the same, and records that were
 * put later may be there without it. So the first one ends the sink: every later call fails with
 * its error, and whoever goes on puts everything again into a new sink, which their ids make
 * harmless. ERR_RETRY: Kafka is unwell. ERR_FATAL: a person must act (a right, a password, the
 * topic). */
struct log_sink {
    /* Hand over; `record` is copied. Waits while too much is on its way, a bounded time.
     * ERR_REJECT: not taken, because it is larger than a record may be; the sink goes on. */
    bool (*put)(void *self, const struct record *record, int32_t partition, struct err *err);
    /* Wait, a bounded time, until every record that was put is durable: acknowledged by all in-sync
     * replicas. */
    bool (*flush)(void *self, struct err *err);
    /* How many records are durable; does not wait. */
    uint64_t (*durable)(void *self);
    /* Behind the durable records: what a store that has them all has applied. Lives until the next
     * call. */
    const struct position *(*position)(void *self);
    void *self;
};

#endif
