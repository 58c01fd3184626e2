/*
 * fake_record_source: a log in memory as a record_source.
 *
 * Records are appended by the test; an assignment is handed out at the first poll and whenever the
 * test asks. Holes, truncation, rewriting and trouble are scripted. Values are kept until done.
 */
#ifndef TESTS_SUPPORT_FAKE_RECORD_SOURCE_H
#define TESTS_SUPPORT_FAKE_RECORD_SOURCE_H

#include "libs/base/buf.h"
#include "services/store/ports.h"

#define FAKE_PARTITIONS 4
#define FAKE_RECORDS_MAX 4096

struct fake_record {
    char *key;
    struct buf value;
    int64_t record_ms;
    bool is_missing; /* a hole */
    bool has_value;
};

struct fake_partition {
    struct fake_record records[FAKE_RECORDS_MAX];
    int64_t first_offset; /* of the oldest record there is */
    int64_t end_offset;
    bool is_started;
    int64_t at; /* where fetching stands */
};

struct fake_record_source {
    struct fake_partition *partitions; /* FAKE_PARTITIONS */
    const char *cluster_id;
    int32_t topic_partitions; /* as an assignment says; and */
    int32_t found_partitions; /* as the brokers say now; 0: the same */
    bool assigns, revokes;    /* what the next poll says */
    bool has_nothing_for_us;  /* what it assigns: no partition */
    int trouble;              /* so many polls tell of trouble */
    int unwell_ranges;        /* so many range questions fail */
    int32_t next_partition;   /* partitions take turns */
    int32_t ids[FAKE_PARTITIONS];
    int starts, held; /* held: records not released */
    int64_t exported[FAKE_PARTITIONS];
    const char *traceparent; /* a header of all records; NULL: they have none */
    int headers_read;
};

void fake_record_source_init(struct fake_record_source *fake);
void fake_record_source_done(struct fake_record_source *fake);
struct record_source fake_record_source_port(struct fake_record_source *fake);

/* Append an event with its right key, or any bytes. Returns the offset. */
int64_t fake_log_put(struct fake_record_source *fake, int32_t partition, const struct event *event);
int64_t fake_log_put_raw(struct fake_record_source *fake, int32_t partition, const char *key,
                         struct bytes value);

#endif
