/*
 * ingest_metrics: what ingest counts. Any thread may update; register once, before threads start.
 */
#ifndef SERVICES_STORE_INGEST_METRICS_H
#define SERVICES_STORE_INGEST_METRICS_H

#include "services/store/position_check.h"

void ingest_metrics_add(void);

/* A batch that is committed or left open: its events by kind, duplicates, dead letters by cause,
 * and times. */
void ingest_metrics_batch(const struct batch *batch, int64_t apply_us, int64_t now_ms);

struct partition_lag {
    int32_t partition;
    int64_t records; /* of the log that are not applied */
};
/* Of all own partitions. */
void ingest_metrics_lags(const struct partition_lag *lags, size_t count);

void ingest_metrics_stopped(enum stop_reason reason, int64_t partitions);
void ingest_metrics_retry(enum apply_result why); /* a failure */
void ingest_metrics_letters(const struct letter_census *census, int64_t now_ms);

#endif
