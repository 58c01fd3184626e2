#include "services/store/ingest.h"

#include "libs/ops/metrics.h"
#include "services/store/ingest_metrics.h"
#include "tests/support/ingest_bench.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void records_are_applied_and_positions_move(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 3);
    ingest_bench_put_videos(bench, 2, 6, 200);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 3);
    assert_int_equal(ingest_bench_videos(bench, 6), 200);
    assert_int_equal(ingest_bench_position(bench, 0), 3);
    assert_int_equal(ingest_bench_position(bench, 2), 200);
    assert_int_equal(bench->log.exported[2], 200);
    assert_true(ingest_status(bench->ingest).is_running);
    assert_true(bench->database.largest_batch <= 64);
}

/* Limits are looked at every few milliseconds at first. */
static void work_until(struct ingest_bench *bench, int32_t partition, int64_t next_offset)
{
    for (int i = 0; i < 1000 && ingest_bench_position(bench, partition) < next_offset; i++)
        ingest_bench_work(bench, 5);
}

static void nothing_is_applied_from_the_limit_on_until_it_is_lifted(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_put_videos(bench, 1, 6, 10);
    ingest_bench_work(bench, 0);
    bench->database.fences[0].limit_offset = 14;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_position(bench, 0), 14);
    ingest_bench_put_videos(bench, 1, 6, 3);
    work_until(bench, 1, 13);
    assert_int_equal(ingest_bench_position(bench, 0), 14);
    assert_int_equal(ingest_bench_position(bench, 1), 13);
    assert_int_equal(ingest_bench_stopped(bench), 0);
    bench->database.fences[0].limit_offset = FENCE_NO_LIMIT;
    ingest_bench_restart(bench);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 20);
}

static void a_limit_that_is_lifted_is_noticed_without_a_restart(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->database.fences[0].limit_offset = 10;
    ingest_bench_restart(bench);
    ingest_bench_put_videos(bench, 0, 5, 5);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_position(bench, 0), 10);
    bench->database.fences[0].limit_offset = 12;
    work_until(bench, 0, 12);
    assert_int_equal(ingest_bench_position(bench, 0), 12);
}

static void a_restart_goes_on_where_the_fence_stands(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 30);
    ingest_bench_work(bench, 0);
    ingest_bench_restart(bench);
    ingest_bench_put_videos(bench, 0, 5, 30);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 60);
    assert_int_equal(bench->database.id_count, 60);
    assert_int_equal(ingest_bench_stopped(bench), 0);
}

static void copies_of_an_event_count_once(void **state)
{
    struct ingest_bench *bench = *state;
    struct event event = ingest_bench_event(bench, EVENT_AD_COUNTED, 5);
    for (int i = 0; i < 3; i++)
        (void)fake_log_put(&bench->log, 0, &event);
    ingest_bench_work(bench, 0);
    (void)fake_log_put(&bench->log, 0, &event);
    ingest_bench_work(bench, 0);
    ingest_bench_restart(bench); /* the window of ids is empty now: the database knows */
    (void)fake_log_put(&bench->log, 0, &event);
    ingest_bench_put_videos(bench, 0, 5, 2);
    ingest_bench_work(bench, 0);
    assert_int_equal(fake_user(&bench->database, 5)->ad_count, 1);
    assert_int_equal(ingest_bench_videos(bench, 5), 2);
    assert_int_equal(ingest_bench_position(bench, 0), 7);
}

static void one_id_in_two_tables_is_two_events(void **state)
{
    struct ingest_bench *bench = *state;
    struct event video = ingest_bench_event(bench, EVENT_VIDEO_DOWNLOADED, 5);
    struct event counted = ingest_bench_event(bench, EVENT_AD_COUNTED, 5);
    memcpy(counted.id, video.id, EVENT_ID_LEN);
    (void)fake_log_put(&bench->log, 0, &video);
    (void)fake_log_put(&bench->log, 0, &counted);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 1);
}

static void poison_is_set_aside_and_the_rest_goes_on(void **state)
{
    struct ingest_bench *bench = *state;
    struct event other_bot = ingest_bench_event(bench, EVENT_AD_COUNTED, 5);
    struct event wrong_key = ingest_bench_event(bench, EVENT_VIDEO_DOWNLOADED, 5);
    ingest_bench_put_videos(bench, 1, 5, 2);
    (void)fake_log_put_raw(&bench->log, 1, "99:5", BYTES_LITERAL("\xff\xff\xff"));
    (void)fake_log_put_raw(&bench->log, 1, "99:5", (struct bytes){0});
    other_bot.bot_id = INGEST_BENCH_BOT + 1;
    (void)fake_log_put(&bench->log, 1, &other_bot);
    (void)fake_log_put(&bench->log, 1, &wrong_key);
    bench->log.partitions[1].records[5].key[3] = '6';
    ingest_bench_put_videos(bench, 1, 5, 2);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 4);
    assert_int_equal(ingest_bench_position(bench, 1), 8);
    assert_int_equal(bench->database.letter_count, 4);
    assert_string_equal(bench->database.letters[0].cause, "malformed");
    assert_string_equal(bench->database.letters[2].cause, "other_bot");
    assert_string_equal(bench->database.letters[3].cause, "wrong_key");
    assert_int_equal(bench->database.letters[3].place.offset, 5);
}

static void too_many_dead_letters_stop_the_partition(void **state)
{
    struct ingest_bench *bench = *state;
    for (int i = 0; i < 30; i++)
        (void)fake_log_put_raw(&bench->log, 1, "99:5", BYTES_LITERAL("\xff"));
    ingest_bench_put_videos(bench, 0, 5, 5);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(bench->database.letter_count, 10);
    assert_int_equal(ingest_bench_position(bench, 1), 10);
    assert_int_equal(ingest_bench_videos(bench, 5), 5);
}

static void a_record_in_the_wrong_partition_is_set_aside(void **state)
{
    struct ingest_bench *bench = *state;
    bench->log.topic_partitions = FAKE_PARTITIONS;
    for (int32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        ingest_bench_put_videos(bench, partition, 5, 1);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 1);
    assert_int_equal(bench->database.letter_count, 3);
    assert_string_equal(bench->database.letters[0].cause, "wrong_partition");
}

static void an_unwell_database_is_waited_for(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.unwell_opens = 2;
    bench->database.unwell_applies = 2;
    ingest_bench_put_videos(bench, 0, 5, 100);
    ingest_bench_work(bench, 1500);
    assert_int_equal(ingest_bench_videos(bench, 5), 100);
    assert_int_equal(bench->database.id_count, 100);
    assert_true(bench->database.opens < 12); /* it does not spin */
}

static void a_commit_in_doubt_is_settled_by_the_fence(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.in_doubt_applies = 1;
    ingest_bench_put_videos(bench, 0, 5, 100);
    ingest_bench_work(bench, 500);
    assert_int_equal(ingest_bench_videos(bench, 5), 100);
    assert_int_equal(bench->database.totals[0].counts[FOLD_VIDEOS], 100);
}

static void a_row_the_database_blames_is_found_and_set_aside(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.bad_user = 7;
    ingest_bench_put_videos(bench, 0, 5, 20);
    ingest_bench_put_videos(bench, 0, 7, 2);
    ingest_bench_put_videos(bench, 0, 5, 20);
    ingest_bench_put_videos(bench, 1, 6, 20);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 40);
    assert_int_equal(ingest_bench_videos(bench, 6), 20);
    assert_int_equal(bench->database.letter_count, 2);
    assert_string_equal(bench->database.letters[0].cause, "bad_row");
    assert_int_equal(ingest_bench_position(bench, 0), 42);
}

static void an_error_that_nothing_heals_stops_its_partition_alone(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.bug_user = 7;
    ingest_bench_put_videos(bench, 0, 5, 20);
    ingest_bench_put_videos(bench, 0, 7, 1);
    ingest_bench_put_videos(bench, 0, 5, 20);
    ingest_bench_put_videos(bench, 1, 6, 50);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_stopped(bench), 1);
    assert_int_equal(ingest_bench_position(bench, 0), 20);
    assert_int_equal(ingest_bench_videos(bench, 6), 50);
}

static void move_fence(void *arg)
{
    struct ingest_bench *bench = arg;
    bench->database.before_apply = NULL;
    bench->database.fences[0].owner_epoch++;
}

static void another_owner_is_noticed_and_the_position_read_again(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.before_apply = move_fence;
    bench->database.before_apply_arg = bench;
    ingest_bench_put_videos(bench, 0, 5, 20);
    ingest_bench_work(bench, 300);
    assert_int_equal(ingest_bench_videos(bench, 5), 20);
    assert_int_equal(bench->database.id_count, 20);
}

static void a_store_without_partitions_is_well(void **state)
{
    struct ingest_bench *bench = *state;
    bench->log.has_nothing_for_us = true;
    ingest_bench_work(bench, 0);
    assert_true(ingest_status(bench->ingest).is_assigned);
    assert_true(ingest_status(bench->ingest).is_running);
    bench->log.revokes = true;
    ingest_bench_work(bench, 0);
    assert_false(ingest_status(bench->ingest).is_running);
}

static void revoke(void *arg)
{
    struct ingest_bench *bench = arg;
    bench->log.revokes = true;
}

static void what_is_in_hand_at_a_revocation_is_dropped(void **state)
{
    struct ingest_bench *bench = *state;
    struct err err;
    ingest_bench_put_videos(bench, 0, 5, 10);
    for (int i = 0; i < 2; i++)
        assert_true(ingest_step(bench->ingest, 0, &err));
    revoke(bench);
    ingest_bench_work(bench, 0);
    assert_false(ingest_status(bench->ingest).is_assigned);
    int64_t before = ingest_bench_position(bench, 0);
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_position(bench, 0), before);
    bench->log.assigns = true;
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 20);
}

static void trouble_makes_the_positions_be_checked_again(void **state)
{
    struct ingest_bench *bench = *state;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    bench->log.partitions[0].records[9].record_ms++;
    bench->log.trouble = 1;
    bench->log.unwell_ranges = 1;
    ingest_bench_work(bench, 1600);
    assert_int_equal(ingest_bench_stopped(bench), 1);
}

static void stopping_commits_what_is_in_hand(void **state)
{
    struct ingest_bench *bench = *state;
    struct err err;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 0);
    ingest_stop(bench->ingest);
    assert_true(ingest_run(bench->ingest, &err));
    assert_int_equal(ingest_bench_videos(bench, 5), 10);
}

static void a_batch_larger_than_the_memory_bound_is_parted(void **state)
{
    struct ingest_bench *bench = *state;
    struct ingest_options options = {.bot_id = INGEST_BENCH_BOT,
                                     .batch_max_events = 100000,
                                     .batch_max_bytes = 512,
                                     .dead_letters_per_1000 = 10,
                                     .position_check_ms = 3600000};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    ingest_free(bench->ingest);
    bench->ingest = ingest_new(&options, &source, &store);
    ingest_bench_put_videos(bench, 0, 5, 100);
    ingest_bench_work(bench, 0);
    assert_int_equal(ingest_bench_videos(bench, 5), 100);
    assert_true(bench->database.largest_batch < 50);
}

static bool refuse_open(void *self, struct err *err)
{
    (void)self;
    return err_set(err, ERR_FATAL, "the schema is newer");
}

static void a_database_that_never_fits_ends_the_work(void **state)
{
    struct ingest_bench *bench = *state;
    struct ingest_options options = {
        .bot_id = INGEST_BENCH_BOT, .batch_max_events = 10, .batch_max_bytes = 512};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    struct err err = {0};
    store.open = refuse_open;
    ingest_free(bench->ingest);
    bench->ingest = ingest_new(&options, &source, &store);
    assert_false(ingest_run(bench->ingest, &err));
    assert_string_equal(err.text, "the schema is newer");
    assert_int_equal(ingest_lag_ms(bench->ingest), -1);
}

static void lag_is_known_while_nothing_is_fetched(void **state)
{
    struct ingest_bench *bench = *state;
    bench->database.unwell_opens = 100;
    ingest_bench_put_videos(bench, 0, 5, 10);
    ingest_bench_work(bench, 1200);
    assert_true(ingest_lag_ms(bench->ingest) >= 0);
    assert_false(ingest_status(bench->ingest).is_database_well);
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_true(metrics_render(&text) && buf_append(&text, "", 1));
    assert_non_null(strstr(text.data, "consumer_lag_messages{partition=\"0\"} 10"));
    buf_done(&text);
}

static void *run_ingest(void *arg)
{
    struct err err;
    return ingest_run(arg, &err) ? arg : NULL;
}

static void other_threads_may_look_and_stop(void **state)
{
    struct ingest_bench *bench = *state;
    pthread_t thread;
    void *result = NULL;
    ingest_bench_put_videos(bench, 0, 5, 500);
    assert_int_equal(pthread_create(&thread, NULL, run_ingest, bench->ingest), 0);
    while (!ingest_status(bench->ingest).is_running || ingest_lag_ms(bench->ingest) != 0)
        (void)sched_yield();
    ingest_stop(bench->ingest);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, bench->ingest);
    assert_true(ingest_bench_videos(bench, 5) > 0);
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, ingest_bench_set_up, ingest_bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_are_applied_and_positions_move),
        TEST(nothing_is_applied_from_the_limit_on_until_it_is_lifted),
        TEST(a_limit_that_is_lifted_is_noticed_without_a_restart),
        TEST(a_restart_goes_on_where_the_fence_stands),
        TEST(a_store_without_partitions_is_well),
        TEST(copies_of_an_event_count_once),
        TEST(one_id_in_two_tables_is_two_events),
        TEST(poison_is_set_aside_and_the_rest_goes_on),
        TEST(too_many_dead_letters_stop_the_partition),
        TEST(a_record_in_the_wrong_partition_is_set_aside),
        TEST(an_unwell_database_is_waited_for),
        TEST(a_commit_in_doubt_is_settled_by_the_fence),
        TEST(a_row_the_database_blames_is_found_and_set_aside),
        TEST(an_error_that_nothing_heals_stops_its_partition_alone),
        TEST(another_owner_is_noticed_and_the_position_read_again),
        TEST(what_is_in_hand_at_a_revocation_is_dropped),
        TEST(trouble_makes_the_positions_be_checked_again),
        TEST(stopping_commits_what_is_in_hand),
        TEST(other_threads_may_look_and_stop),
        TEST(a_batch_larger_than_the_memory_bound_is_parted),
        TEST(a_database_that_never_fits_ends_the_work),
        TEST(lag_is_known_while_nothing_is_fetched),
    };
    ingest_metrics_add();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
