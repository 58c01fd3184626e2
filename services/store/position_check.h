/*
 * position_check: whether the log is still the one that a position was taken from. Pure.
 */
#ifndef SERVICES_STORE_POSITION_CHECK_H
#define SERVICES_STORE_POSITION_CHECK_H

#include "services/store/ports.h"

/* Why a partition stands still; each is a label of a metric. */
enum stop_reason {
    STOP_NONE,
    STOP_LOG_STARTS_LATER, /* records that were never applied are gone */
    STOP_LOG_ENDS_BEFORE,  /* the log was truncated behind the position */
    STOP_LOG_REWRITTEN,    /* the record before the position is another one */
    STOP_OTHER_CLUSTER,    /* the offsets are of another Kafka cluster */
    STOP_PARTITION_COUNT,  /* the topic has other partitions than when this process began */
    STOP_GAP,              /* offsets are missing in the log */
    STOP_UNREADABLE,       /* the log holds the record, but it does not come */
    STOP_UNKNOWN_PAYLOAD,  /* written by a newer version */
    STOP_DEAD_LETTERS,     /* too many: the fault is rather ours */
    STOP_DATABASE_REFUSES, /* with an error that no retry heals */
};
#define STOP_REASONS 11

const char *stop_reason_name(enum stop_reason reason);

/* What a person reads in the log. */
const char *stop_reason_text(enum stop_reason reason);

/* Where fetching begins for a fence. */
struct position_plan {
    enum stop_reason stop; /* STOP_NONE: go on */
    int64_t start_offset;
    bool is_checked; /* false: the first record is next_offset - 1, to be compared and skipped */
};
struct position_plan position_plan(const struct fence *fence, const struct log_range *range,
                                   const char *cluster_id);

/* The record is the one the fence remembers as its last. */
bool position_is_same(const struct fence *fence, const struct record_view *record);

#endif
