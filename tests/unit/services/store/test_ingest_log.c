/* ingest: a log that is not the one that was applied, or cannot be read on. */
#include "services/store/ingest.h"

#include "services/store/ingest_metrics.h"
#include "tests/support/ingest_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_hole_stops_its_partition_alone(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_put_videos(bench, 1, 6, 10);
    bench->log.partitions[0].records[4].is_missing = true;
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 4);
    ingest_bench_put_videos(bench, 1, 6, 10);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 6), 20);
    assert_int_equal(ingest_bench_videos(bench, 5), 4);
}

static void a_rewritten_log_stops_the_partition(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_put_videos(bench, 1, 6, 10);
    ingest_bench_work(bench, 0);
    bench->log.partitions[0].records[9].value.data[3] ^= 1;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_put_videos(bench, 1, 6, 10);
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 10);
    assert_int_equal(ingest_bench_videos(bench, 6), 20);
}

static void another_time_of_the_last_record_is_another_log(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->log.partitions[0].records[9].record_ms++;
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
}

static void a_log_that_ends_before_the_position_stops(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->database.fences[0].next_offset = 12;
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
}

static void a_log_that_starts_after_the_position_stops(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    bench->log.partitions[0].first_offset = 3;
    ingest_bench_put_videos(bench, 1, 6, 1);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 0);
    assert_int_equal(ingest_bench_videos(bench, 6), 1);
}

static void a_log_that_starts_at_the_position_is_fine(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->log.partitions[0].first_offset = 10;
    ingest_bench_put_videos(bench, 0, 5, 5);
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 15);
}

static void another_cluster_stops_everything(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->log.cluster_id = "another";
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), FAKE_PARTITIONS);
}

static void another_cluster_is_noticed_while_running(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    const char *assigned = bench->log.cluster_id;
    bench->log.cluster_id = "another";
    bench->log.trouble = 1;
    ingest_bench_work(bench, 1500);
    assert_int_equal(ingest_bench_stopped(bench), FAKE_PARTITIONS);
    bench->log.cluster_id = assigned;
}

static void another_partition_count_is_noticed_while_running(void **state)
{
    struct ingest_bench *bench = *state;
    bench->log.topic_partitions = FAKE_PARTITIONS;
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 0);
    bench->log.found_partitions = FAKE_PARTITIONS + 1;
    bench->log.trouble = 1;
    ingest_bench_work(bench, 1500);
    assert_int_equal(ingest_bench_stopped(bench), FAKE_PARTITIONS);
}

static void a_position_lost_while_reading_stops(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    ingest_bench_put_videos(bench, 0, 5, 10);
    bench->log.partitions[0].first_offset = 15;
    ingest_bench_work(bench, 300);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 10);
}

static void an_event_of_a_later_build_stops_its_partition(void **state)
{
    struct ingest_bench *bench = *state;
    static const char NEWER[] = "\x0a\x10iiiiiiiiiiiiiiii\x10\x63\x82\x06"; /* bot 99, field 96 */
    ingest_bench_put_videos(bench, 0, 5, 3);
    (void)fake_log_put_raw(&bench->log, 0, "99:5", (struct bytes){NEWER, sizeof(NEWER)});
    ingest_bench_put_videos(bench, 0, 5, 3);
    ingest_bench_put_videos(bench, 1, 6, 3);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 3);
    assert_int_equal(bench->database.letter_count, 0);
    assert_int_equal(ingest_bench_videos(bench, 6), 3);
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, ingest_bench_set_up, ingest_bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_hole_stops_its_partition_alone),
        TEST(a_rewritten_log_stops_the_partition),
        TEST(another_time_of_the_last_record_is_another_log),
        TEST(a_log_that_ends_before_the_position_stops),
        TEST(a_log_that_starts_after_the_position_stops),
        TEST(a_log_that_starts_at_the_position_is_fine),
        TEST(another_cluster_stops_everything),
        TEST(another_cluster_is_noticed_while_running),
        TEST(another_partition_count_is_noticed_while_running),
        TEST(a_position_lost_while_reading_stops),
        TEST(an_event_of_a_later_build_stops_its_partition),
    };
    ingest_metrics_add();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
