#include "tests/support/ingest_bench.h"

#include "services/store/ingest_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void put_at(struct ingest_bench *bench, enum event_kind kind, int64_t user_id,
                   int64_t time_ms)
{
    struct event event = ingest_bench_event(bench, kind, user_id);
    event.occurred_at_ms = time_ms;
    (void)fake_log_put(&bench->log, 0, &event);
}

static void events_up_to_an_erasure_are_dropped(void **state)
{
    struct ingest_bench *bench = *state;
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 1000);
    put_at(bench, EVENT_USER_ERASED, 5, 5000);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 5000);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 0);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 6, 1000);
    ingest_bench_work(bench, 0);
    assert_null(fake_user(&bench->database, 5));
    ingest_bench_restart(bench); /* the database remembers */
    put_at(bench, EVENT_AD_COUNTED, 5, 4000);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 6, 1000);
    ingest_bench_work(bench, 0);
    assert_null(fake_user(&bench->database, 5));
    assert_int_equal(ingest_bench_videos(bench, 6), 2);
    assert_int_equal(ingest_bench_position(bench, 0), 7);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 5001);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 1);
}

/* The id of a dropped event is not one that took effect. */
static void a_dropped_event_hides_no_later_one(void **state)
{
    struct ingest_bench *bench = *state;
    struct event event = ingest_bench_event(bench, EVENT_VIDEO_DOWNLOADED, 5);
    put_at(bench, EVENT_USER_ERASED, 5, 5000);
    (void)fake_log_put(&bench->log, 0, &event);
    event.occurred_at_ms = 6000;
    (void)fake_log_put(&bench->log, 0, &event);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 1);
}

static void an_erasure_that_was_not_committed_counts_for_nothing(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.unwell_applies = 1;
    put_at(bench, EVENT_USER_ERASED, 5, 5000);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 1000);
    put_at(bench, EVENT_VIDEO_DOWNLOADED, 5, 6000);
    ingest_bench_work(bench, 400);
    assert_int_equal(ingest_bench_videos(bench, 5), 1);
    assert_int_equal(bench->database.tombstone_count, 1);
    assert_int_equal(ingest_bench_position(bench, 0), 3);
}

static void a_dead_letter_of_an_erased_person_is_kept_without_its_bytes(void **state)
{
    struct ingest_bench *bench = *state;
    (void)fake_log_put_raw(&bench->log, 0, "99:5", BYTES_LITERAL("\xff"));
    put_at(bench, EVENT_USER_ERASED, 5, 5000);
    (void)fake_log_put_raw(&bench->log, 0, "99:5", BYTES_LITERAL("\xff"));
    (void)fake_log_put_raw(&bench->log, 0, "99:6", BYTES_LITERAL("\xff"));
    ingest_bench_work(bench, 0);
    assert_int_equal(bench->database.letter_count, 3);
    assert_false(bench->database.letters[0].is_withheld); /* the erasure itself takes these */
    assert_true(bench->database.letters[1].is_withheld);
    assert_false(bench->database.letters[2].is_withheld);
}

static void an_erasure_is_never_set_aside(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.bad_user = 5;
    put_at(bench, EVENT_USER_ERASED, 5, 5000);
    ingest_bench_put_videos(bench, 1, 6, 2);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(bench->database.letter_count, 0);
    assert_int_equal(ingest_bench_position(bench, 0), 0);
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, ingest_bench_set_up, ingest_bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_up_to_an_erasure_are_dropped),
        TEST(a_dropped_event_hides_no_later_one),
        TEST(an_erasure_that_was_not_committed_counts_for_nothing),
        TEST(a_dead_letter_of_an_erased_person_is_kept_without_its_bytes),
        TEST(an_erasure_is_never_set_aside),
    };
    ingest_metrics_add();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
