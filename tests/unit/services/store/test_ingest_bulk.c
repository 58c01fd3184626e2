#include "services/store/ingest.h"

#include "tests/support/ingest_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MANY 200 /* events of a partition: three full batches and a bit */

static int set_up(void **state)
{
    int error = ingest_bench_set_up(state);
    struct ingest_bench *bench = *state;
    bench->database.is_bulk = true;
    return error;
}

static void step_until(struct ingest_bench *bench, int lefts)
{
    struct err err;
    for (int i = 0; i < 100 && bench->database.lefts < lefts; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_int_equal(bench->database.lefts, lefts);
}

static void full_batches_are_committed_together(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(bench->database.lefts, 3);
    assert_int_equal(bench->database.commits, 1);
    assert_int_equal(bench->log.exported[0], MANY);
}

static void the_ordinary_store_leaves_nothing_open(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.is_bulk = false;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(bench->database.lefts, 0);
    assert_int_equal(bench->database.commits, 4);
}

static void a_full_last_batch_is_committed_when_nothing_follows(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 128);
    ingest_bench_work(bench, 0);
    assert_int_equal(bench->database.lefts, 2);
    assert_int_equal(bench->database.commits, 1);
    assert_int_equal(ingest_bench_videos(bench, 5), 128);
    assert_int_equal(bench->log.exported[0], 128);
}

static void positions_are_not_exported_before_the_commit(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    step_until(bench, 2);
    assert_int_equal(bench->log.exported[0], 0);
}

static void one_partition_is_read_after_the_other(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    ingest_bench_put_videos(bench, 3, 6, MANY);
    step_until(bench, 3);
    assert_true(bench->log.partitions[0].is_started);
    assert_false(bench->log.partitions[3].is_started);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(ingest_bench_videos(bench, 6), MANY);
    assert_int_equal(bench->database.commits, 2);
}

static void a_partition_that_still_grows_keeps_nobody_waiting(void **state)
{
    struct ingest_bench *bench = *state;
    struct err err;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    ingest_bench_put_videos(bench, 3, 6, MANY);
    for (int i = 0; i < 40; i++) {
        ingest_bench_put_videos(bench, 0, 5, 1);
        assert_true(ingest_step(bench->ingest, 1, &err));
    }
    assert_int_equal(ingest_bench_videos(bench, 6), MANY);
}

static void near_the_logs_end_all_partitions_are_read(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 1, 5, MANY);
    ingest_bench_work(bench, 0);
    ingest_bench_put_videos(bench, 3, 6, 10);
    ingest_bench_put_videos(bench, 1, 5, 10);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY + 10);
    assert_int_equal(ingest_bench_videos(bench, 6), 10);
    for (int32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        assert_true(bench->log.partitions[partition].is_started);
}

static void what_is_lost_before_the_commit_is_written_again(void **state)
{
    struct ingest_bench *bench = *state;
    struct projection_store store = fake_projection_store_port(&bench->database);
    ingest_bench_put_videos(bench, 0, 5, MANY);
    step_until(bench, 2);
    store.close(store.self); /* as a kill does */
    assert_int_equal(ingest_bench_position(bench, 0), 0);
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(bench->database.id_count, MANY);
}

static void a_failed_commit_is_tried_again_batch_by_batch(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.undone_commits = 1;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    ingest_bench_work(bench, 1000);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(bench->database.lefts, 3);
    assert_int_equal(bench->database.commits, 4);
    assert_int_equal(ingest_bench_stopped(bench), 0);
}

static void a_bad_row_is_set_aside_and_what_is_open_stays(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 100);
    ingest_bench_put_videos(bench, 0, 13, 1);
    ingest_bench_put_videos(bench, 0, 5, 100);
    bench->database.bad_user = 13;
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), MANY);
    assert_int_equal(bench->database.letter_count, 1);
    assert_int_equal(bench->database.letters[0].place.offset, 100);
    assert_int_equal(bench->database.closes, 0);
}

static void what_is_open_is_committed_when_the_partition_goes(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, MANY);
    step_until(bench, 2);
    bench->log.revokes = true;
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_position(bench, 0), 128);
    assert_int_equal(ingest_bench_videos(bench, 5), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, ingest_bench_tear_down)
        TEST(full_batches_are_committed_together),
        TEST(the_ordinary_store_leaves_nothing_open),
        TEST(a_full_last_batch_is_committed_when_nothing_follows),
        TEST(positions_are_not_exported_before_the_commit),
        TEST(one_partition_is_read_after_the_other),
        TEST(a_partition_that_still_grows_keeps_nobody_waiting),
        TEST(near_the_logs_end_all_partitions_are_read),
        TEST(what_is_lost_before_the_commit_is_written_again),
        TEST(a_failed_commit_is_tried_again_batch_by_batch),
        TEST(a_bad_row_is_set_aside_and_what_is_open_stays),
        TEST(what_is_open_is_committed_when_the_partition_goes),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
