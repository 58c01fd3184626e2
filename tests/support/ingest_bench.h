/* ingest_bench: the store's ingest between a fake log and a fake database. */
#ifndef TESTS_SUPPORT_INGEST_BENCH_H
#define TESTS_SUPPORT_INGEST_BENCH_H

#include "services/store/ingest.h"
#include "tests/support/fake_projection_store.h"
#include "tests/support/fake_record_source.h"

#define INGEST_BENCH_BOT 99

struct ingest_bench {
    struct fake_record_source log;
    struct fake_projection_store database;
    struct ingest *ingest;
    uint32_t ids;
};

/* What cmocka calls before and after a test: *state is the ingest_bench. Batches have at most 64
 * events. */
int ingest_bench_set_up(void **state);
int ingest_bench_tear_down(void **state);

/* Begin anew with the same log and database. */
void ingest_bench_restart(struct ingest_bench *bench);

/* An event with an id of its own. */
struct event ingest_bench_event(struct ingest_bench *bench, enum event_kind kind, int64_t user_id);

/* Append so many videos of a user. */
void ingest_bench_put_videos(struct ingest_bench *bench, int32_t partition, int64_t user_id,
                             int count);

/* Let it work for some rounds, and as long as that. */
void ingest_bench_work(struct ingest_bench *bench, int64_t during_ms);

int64_t ingest_bench_videos(const struct ingest_bench *bench, int64_t user_id);
int64_t ingest_bench_position(const struct ingest_bench *bench, int32_t partition);
int ingest_bench_stopped(const struct ingest_bench *bench);

#endif
