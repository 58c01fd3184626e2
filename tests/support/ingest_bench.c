#include "tests/support/ingest_bench.h"

#include "libs/base/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void start(struct ingest_bench *bench, size_t batch_max)
{
    struct ingest_options options = {.bot_id = INGEST_BENCH_BOT,
                                     .batch_max_events = batch_max,
                                     .batch_max_bytes = 1 << 20,
                                     .linger_ms = 0,
                                     .dead_letters_per_1000 = 10,
                                     .position_check_ms = 3600000};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    bench->ingest = ingest_new(&options, &source, &store);
}

int ingest_bench_set_up(void **state)
{
    struct ingest_bench *bench = calloc(1, sizeof(*bench));
    fake_record_source_init(&bench->log);
    fake_projection_store_init(&bench->database);
    start(bench, 64);
    *state = bench;
    return 0;
}

int ingest_bench_tear_down(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_free(bench->ingest);
    int held = bench->log.held;
    fake_projection_store_done(&bench->database);
    fake_record_source_done(&bench->log);
    free(bench);
    return held; /* every record was released */
}

struct event ingest_bench_event(struct ingest_bench *bench, enum event_kind kind, int64_t user_id)
{
    struct event event = {.bot_id = INGEST_BENCH_BOT,
                          .kind = kind,
                          .subject_id = user_id,
                          .occurred_at_ms = 1000,
                          .producer = BYTES_LITERAL("test")};
    bench->ids++;
    memcpy(event.id, &bench->ids, sizeof(bench->ids));
    if (kind == EVENT_VIDEO_DOWNLOADED)
        event.video.video_link = BYTES_LITERAL("https://v");
    return event;
}

void ingest_bench_put_videos(struct ingest_bench *bench, int32_t partition, int64_t user_id,
                             int count)
{
    for (int i = 0; i < count; i++) {
        struct event event = ingest_bench_event(bench, EVENT_VIDEO_DOWNLOADED, user_id);
        (void)fake_log_put(&bench->log, partition, &event);
    }
}

void ingest_bench_work(struct ingest_bench *bench, int64_t during_ms)
{
    int64_t until_ms = now_monotonic_ms() + during_ms;
    struct err err;
    for (int i = 0; i < 40 || now_monotonic_ms() < until_ms; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
}

int64_t ingest_bench_videos(const struct ingest_bench *bench, int64_t user_id)
{
    const struct fold_user *user = fake_user(&bench->database, user_id);
    return user == NULL ? 0 : user->videos.count;
}

int64_t ingest_bench_position(const struct ingest_bench *bench, int32_t partition)
{
    return bench->database.fences[partition].next_offset;
}

int ingest_bench_stopped(const struct ingest_bench *bench)
{
    return ingest_status(bench->ingest).stopped_partitions;
}

void ingest_bench_restart(struct ingest_bench *bench)
{
    ingest_free(bench->ingest);
    bench->log.assigns = true;
    start(bench, 64);
}
