/*
 * dlq_decide: dead letters written to the log once more, or dropped; and the decision recorded.
 *
 * A retry writes the same key and value, with the headers that its event has at the gateway. The
 * decision is recorded when the record is durable. Whatever ends the command between the two, a
 * letter that is retried again takes effect once: by its event's id. So does a letter of another
 * retry at the same time.
 *
 * What would be refused again (as admission says) is not written unless forced; what would stop its
 * partition, and what has lost its bytes, never is.
 */
#ifndef SERVICES_STORE_DLQ_DECIDE_H
#define SERVICES_STORE_DLQ_DECIDE_H

#include "services/store/dlq_options.h"
#include "services/store/log_ports.h"

struct dlq_target {
    const struct log_sink *sink;
    int64_t bot_id;
    int32_t topic_partitions;
};

struct dlq_outcome {
    int64_t decided;
    int64_t refused; /* with a line that says why */
};

struct dlq_job {
    const struct letter_desk *desk;
    const struct dlq_options *options; /* action DLQ_RETRY or DLQ_DROP */
    struct dlq_target target;          /* of a retry */
    FILE *out;                         /* takes a line for each letter */
};

/* Do what the options say. ERR_RETRY, ERR_FATAL: what was not recorded so far is as it was; the
 * same again does the rest. */
MUST_CHECK bool dlq_decide(const struct dlq_job *job, struct dlq_outcome *out, struct err *err);

#endif
