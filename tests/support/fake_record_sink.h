/*
 * fake_record_sink: a record_sink that keeps what it was given and delivers when the test says so.
 *
 * One thread.
 */
#ifndef TESTS_SUPPORT_FAKE_RECORD_SINK_H
#define TESTS_SUPPORT_FAKE_RECORD_SINK_H

#include "services/gateway/ports.h"

struct fake_record {
    enum sink_topic topic;
    struct record record;   /* its value is owned by the fake */
    struct receipt receipt; /* fn NULL: reported already */
};

struct fake_record_sink {
    struct fake_record *records; /* in the order of put */
    size_t count;
    size_t refuse_from;        /* puts with this number and later ones fail; SIZE_MAX: none */
    enum err_kind refuse_kind; /* of those failures */
};

void fake_record_sink_init(struct fake_record_sink *sink);
void fake_record_sink_done(struct fake_record_sink *sink);
struct record_sink fake_record_sink_port(struct fake_record_sink *sink);

/* Report record `index` as durable at this offset of partition 3. */
void fake_record_sink_deliver(struct fake_record_sink *sink, size_t index, int64_t offset);

/* Report it as failed. */
void fake_record_sink_fail(struct fake_record_sink *sink, size_t index, bool is_too_large);

/* The key of record `index`, ended by NUL. */
const char *fake_record_sink_key(struct fake_record_sink *sink, size_t index);

#endif
