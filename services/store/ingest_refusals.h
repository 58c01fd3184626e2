/*
 * ingest_refusals: what ingest refuses of the log, as refusals: records that become dead letters
 * (where=record) and partitions that stop with an alarm (where=log).
 *
 * Each one has its line: STORE_DEAD_LETTERS_PER_1000 and the count of partitions bound them. Told
 * by the ingest thread alone.
 */
#ifndef SERVICES_STORE_INGEST_REFUSALS_H
#define SERVICES_STORE_INGEST_REFUSALS_H

#include "services/store/ports.h"
#include "services/store/position_check.h"

/* Once, before threads start. */
void ingest_refusals_add(void);

/* The event is a dead letter in the database. */
void ingest_refusals_letter(const struct batch_event *event);

/* The partition stands still at `offset`. */
void ingest_refusals_stop(enum stop_reason reason, int32_t partition, int64_t offset);

#endif
