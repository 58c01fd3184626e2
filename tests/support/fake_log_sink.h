/*
 * fake_log_sink: a log_sink that keeps what is put, and fails when it is told to.
 *
 * Zeroed, it takes everything and makes it durable when it is flushed.
 */
#ifndef TESTS_SUPPORT_FAKE_LOG_SINK_H
#define TESTS_SUPPORT_FAKE_LOG_SINK_H

#include "services/store/log_ports.h"

struct fake_log_record {
    char key[RECORD_KEY_MAX];
    char *value;
    size_t value_len;
    int32_t partition; /* as it was given */
};

struct fake_log_sink {
    struct fake_log_record *records;
    size_t count;
    size_t fails_after; /* puts; 0: never */
    bool fails_flush;
    uint64_t durable;
    struct position position; /* empty */
};

struct log_sink fake_log_sink_port(struct fake_log_sink *fake);
void fake_log_sink_done(struct fake_log_sink *fake);

#endif
