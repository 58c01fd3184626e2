/*
 * erase: write the event that erases a person into every partition, and wait until the store has
 * applied it.
 *
 * Everything in the events follows from the person and the command's UUIDv7, their date too: it is
 * the time in the UUID. So a command that was interrupted may be run again with the same UUID, as
 * often as one likes.
 */
#ifndef SERVICES_STORE_ERASE_H
#define SERVICES_STORE_ERASE_H

#include "services/store/erase_ports.h"
#include "services/store/log_ports.h"

struct erase_command {
    int64_t bot_id;
    int64_t user_id;
    uint8_t uuid[16]; /* version 7 */
    struct bytes producer;
    int32_t partitions;
};

/* One event to each partition; all are durable when it returns. ERR_RETRY: run it again, with the
 * same UUID. ERR_FATAL: a person must act first. */
MUST_CHECK bool erase_write(const struct log_sink *sink, const struct erase_command *command,
                            struct err *err);

/* Wait until everything before `position` is applied, looking every interval_ms. ERR_RETRY: not
 * within timeout_ms. ERR_FATAL. */
struct erase_wait {
    const struct position *position;
    int64_t timeout_ms;
    int interval_ms;
};
MUST_CHECK bool erase_wait(const struct applied_port *applied, const struct erase_wait *wait,
                           struct err *err);

#endif
