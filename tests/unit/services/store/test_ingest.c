#include "services/store/ingest.h"

#include "libs/base/now.h"
#include "libs/ops/metrics.h"
#include "services/store/ingest_metrics.h"
#include "tests/support/fake_projection_store.h"
#include "tests/support/fake_record_source.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOT 99

struct bench {
    struct fake_record_source log;
    struct fake_projection_store database;
    struct ingest *ingest;
    uint32_t ids;
};

static void bench_start(struct bench *bench, size_t batch_max)
{
    struct ingest_options options = {.bot_id = BOT,
                                     .batch_max_events = batch_max,
                                     .batch_max_bytes = 1 << 20,
                                     .linger_ms = 0,
                                     .dead_letters_per_1000 = 10,
                                     .position_check_ms = 3600000};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    bench->ingest = ingest_new(&options, &source, &store);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fake_record_source_init(&bench->log);
    fake_projection_store_init(&bench->database);
    bench_start(bench, 64);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ingest_free(bench->ingest);
    int held = bench->log.held;
    fake_projection_store_done(&bench->database);
    fake_record_source_done(&bench->log);
    free(bench);
    return held; /* every record was released */
}

static struct event event_of(struct bench *bench, enum event_kind kind, int64_t user_id)
{
    struct event event = {.bot_id = BOT,
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

/* Append so many videos of a user. */
static void put_videos(struct bench *bench, int32_t partition, int64_t user_id, int count)
{
    for (int i = 0; i < count; i++) {
        struct event event = event_of(bench, EVENT_VIDEO_DOWNLOADED, user_id);
        (void)fake_log_put(&bench->log, partition, &event);
    }
}

static void work(struct bench *bench, int64_t during_ms)
{
    int64_t until_ms = now_monotonic_ms() + during_ms;
    struct err err;
    for (int i = 0; i < 40 || now_monotonic_ms() < until_ms; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
}

static int64_t videos_of(const struct bench *bench, int64_t user_id)
{
    const struct fold_user *user = fake_user(&bench->database, user_id);
    return user == NULL ? 0 : user->videos.count;
}

static int64_t position(const struct bench *bench, int32_t partition)
{
    return bench->database.fences[partition].next_offset;
}

static int stopped(const struct bench *bench)
{
    return ingest_status(bench->ingest).stopped_partitions;
}

static void restart(struct bench *bench)
{
    ingest_free(bench->ingest);
    bench->log.assigns = true;
    bench_start(bench, 64);
}

static void records_are_applied_and_positions_move(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 3);
    put_videos(bench, 2, 6, 200);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 3);
    assert_int_equal(videos_of(bench, 6), 200);
    assert_int_equal(position(bench, 0), 3);
    assert_int_equal(position(bench, 2), 200);
    assert_int_equal(bench->log.exported[2], 200);
    assert_true(ingest_status(bench->ingest).is_running);
    assert_true(bench->database.largest_batch <= 64);
}

static void a_restart_goes_on_where_the_fence_stands(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 30);
    work(bench, 0);
    restart(bench);
    put_videos(bench, 0, 5, 30);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 60);
    assert_int_equal(bench->database.id_count, 60);
    assert_int_equal(stopped(bench), 0);
}

static void copies_of_an_event_count_once(void **state)
{
    struct bench *bench = *state;
    struct event event = event_of(bench, EVENT_AD_COUNTED, 5);
    for (int i = 0; i < 3; i++)
        (void)fake_log_put(&bench->log, 0, &event);
    work(bench, 0);
    (void)fake_log_put(&bench->log, 0, &event);
    work(bench, 0);
    restart(bench); /* the window of ids is empty now: the database knows */
    (void)fake_log_put(&bench->log, 0, &event);
    put_videos(bench, 0, 5, 2);
    work(bench, 0);
    assert_int_equal(fake_user(&bench->database, 5)->ad_count, 1);
    assert_int_equal(videos_of(bench, 5), 2);
    assert_int_equal(position(bench, 0), 7);
}

static void one_id_in_two_tables_is_two_events(void **state)
{
    struct bench *bench = *state;
    struct event video = event_of(bench, EVENT_VIDEO_DOWNLOADED, 5);
    struct event counted = event_of(bench, EVENT_AD_COUNTED, 5);
    memcpy(counted.id, video.id, EVENT_ID_LEN);
    (void)fake_log_put(&bench->log, 0, &video);
    (void)fake_log_put(&bench->log, 0, &counted);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 1);
}

static void poison_is_set_aside_and_the_rest_goes_on(void **state)
{
    struct bench *bench = *state;
    struct event other_bot = event_of(bench, EVENT_AD_COUNTED, 5);
    struct event wrong_key = event_of(bench, EVENT_VIDEO_DOWNLOADED, 5);
    put_videos(bench, 1, 5, 2);
    (void)fake_log_put_raw(&bench->log, 1, "99:5", BYTES_LITERAL("\xff\xff\xff"));
    (void)fake_log_put_raw(&bench->log, 1, "99:5", (struct bytes){0});
    other_bot.bot_id = BOT + 1;
    (void)fake_log_put(&bench->log, 1, &other_bot);
    (void)fake_log_put(&bench->log, 1, &wrong_key);
    bench->log.partitions[1].records[5].key[3] = '6';
    put_videos(bench, 1, 5, 2);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 4);
    assert_int_equal(position(bench, 1), 8);
    assert_int_equal(bench->database.letter_count, 4);
    assert_string_equal(bench->database.letters[0].cause, "malformed");
    assert_string_equal(bench->database.letters[2].cause, "other_bot");
    assert_string_equal(bench->database.letters[3].cause, "wrong_key");
    assert_int_equal(bench->database.letters[3].place.offset, 5);
}

static void too_many_dead_letters_stop_the_partition(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 30; i++)
        (void)fake_log_put_raw(&bench->log, 1, "99:5", BYTES_LITERAL("\xff"));
    put_videos(bench, 0, 5, 5);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(bench->database.letter_count, 10);
    assert_int_equal(position(bench, 1), 10);
    assert_int_equal(videos_of(bench, 5), 5);
}

static void a_record_in_the_wrong_partition_is_set_aside(void **state)
{
    struct bench *bench = *state;
    bench->log.topic_partitions = FAKE_PARTITIONS;
    for (int32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        put_videos(bench, partition, 5, 1);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 1);
    assert_int_equal(bench->database.letter_count, 3);
    assert_string_equal(bench->database.letters[0].cause, "wrong_partition");
}

static void a_hole_stops_its_partition_alone(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    put_videos(bench, 1, 6, 10);
    bench->log.partitions[0].records[4].is_missing = true;
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 4);
    put_videos(bench, 1, 6, 10);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 6), 20);
    assert_int_equal(videos_of(bench, 5), 4);
}

static void a_rewritten_log_stops_the_partition(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    put_videos(bench, 1, 6, 10);
    work(bench, 0);
    bench->log.partitions[0].records[9].value.data[3] ^= 1;
    put_videos(bench, 0, 5, 10);
    put_videos(bench, 1, 6, 10);
    restart(bench);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 10);
    assert_int_equal(videos_of(bench, 6), 20);
}

static void another_time_of_the_last_record_is_another_log(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    bench->log.partitions[0].records[9].record_ms++;
    restart(bench);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
}

static void a_log_that_ends_before_the_position_stops(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    bench->database.fences[0].next_offset = 12;
    restart(bench);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
}

static void a_log_that_starts_after_the_position_stops(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    bench->log.partitions[0].first_offset = 3;
    put_videos(bench, 1, 6, 1);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 0);
    assert_int_equal(videos_of(bench, 6), 1);
}

static void a_log_that_starts_at_the_position_is_fine(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    bench->log.partitions[0].first_offset = 10;
    put_videos(bench, 0, 5, 5);
    restart(bench);
    work(bench, 0);
    assert_int_equal(stopped(bench), 0);
    assert_int_equal(videos_of(bench, 5), 15);
}

static void another_cluster_stops_everything(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    bench->log.cluster_id = "another";
    restart(bench);
    work(bench, 0);
    assert_int_equal(stopped(bench), FAKE_PARTITIONS);
}

static void another_cluster_is_noticed_while_running(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    const char *assigned = bench->log.cluster_id;
    bench->log.cluster_id = "another";
    bench->log.trouble = 1;
    work(bench, 1500);
    assert_int_equal(stopped(bench), FAKE_PARTITIONS);
    bench->log.cluster_id = assigned;
}

static void another_partition_count_is_noticed_while_running(void **state)
{
    struct bench *bench = *state;
    bench->log.topic_partitions = FAKE_PARTITIONS;
    work(bench, 0);
    assert_int_equal(stopped(bench), 0);
    bench->log.found_partitions = FAKE_PARTITIONS + 1;
    bench->log.trouble = 1;
    work(bench, 1500);
    assert_int_equal(stopped(bench), FAKE_PARTITIONS);
}

static void a_position_lost_while_reading_stops(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    put_videos(bench, 0, 5, 10);
    bench->log.partitions[0].first_offset = 15;
    work(bench, 300);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 10);
}

static void an_event_of_a_later_build_stops_its_partition(void **state)
{
    struct bench *bench = *state;
    struct event erased = event_of(bench, EVENT_USER_ERASED, 5);
    put_videos(bench, 0, 5, 3);
    (void)fake_log_put(&bench->log, 0, &erased);
    put_videos(bench, 0, 5, 3);
    put_videos(bench, 1, 6, 3);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 3);
    assert_int_equal(bench->database.letter_count, 0);
    assert_int_equal(videos_of(bench, 6), 3);
}

static void an_unwell_database_is_waited_for(void **state)
{
    struct bench *bench = *state;
    bench->database.unwell_opens = 2;
    bench->database.unwell_applies = 2;
    put_videos(bench, 0, 5, 100);
    work(bench, 1500);
    assert_int_equal(videos_of(bench, 5), 100);
    assert_int_equal(bench->database.id_count, 100);
    assert_true(bench->database.opens < 12); /* it does not spin */
}

static void a_commit_in_doubt_is_settled_by_the_fence(void **state)
{
    struct bench *bench = *state;
    bench->database.in_doubt_applies = 1;
    put_videos(bench, 0, 5, 100);
    work(bench, 500);
    assert_int_equal(videos_of(bench, 5), 100);
    assert_int_equal(bench->database.totals[0].counts[FOLD_VIDEOS], 100);
}

static void a_row_the_database_blames_is_found_and_set_aside(void **state)
{
    struct bench *bench = *state;
    bench->database.bad_user = 7;
    put_videos(bench, 0, 5, 20);
    put_videos(bench, 0, 7, 2);
    put_videos(bench, 0, 5, 20);
    put_videos(bench, 1, 6, 20);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 40);
    assert_int_equal(videos_of(bench, 6), 20);
    assert_int_equal(bench->database.letter_count, 2);
    assert_string_equal(bench->database.letters[0].cause, "bad_row");
    assert_int_equal(position(bench, 0), 42);
}

static void an_error_that_nothing_heals_stops_its_partition_alone(void **state)
{
    struct bench *bench = *state;
    bench->database.bug_user = 7;
    put_videos(bench, 0, 5, 20);
    put_videos(bench, 0, 7, 1);
    put_videos(bench, 0, 5, 20);
    put_videos(bench, 1, 6, 50);
    work(bench, 0);
    assert_int_equal(stopped(bench), 1);
    assert_int_equal(position(bench, 0), 20);
    assert_int_equal(videos_of(bench, 6), 50);
}

static void move_fence(void *arg)
{
    struct bench *bench = arg;
    bench->database.before_apply = NULL;
    bench->database.fences[0].owner_epoch++;
}

static void another_owner_is_noticed_and_the_position_read_again(void **state)
{
    struct bench *bench = *state;
    bench->database.before_apply = move_fence;
    bench->database.before_apply_arg = bench;
    put_videos(bench, 0, 5, 20);
    work(bench, 300);
    assert_int_equal(videos_of(bench, 5), 20);
    assert_int_equal(bench->database.id_count, 20);
}

static void a_store_without_partitions_is_well(void **state)
{
    struct bench *bench = *state;
    bench->log.has_nothing_for_us = true;
    work(bench, 0);
    assert_true(ingest_status(bench->ingest).is_assigned);
    assert_true(ingest_status(bench->ingest).is_running);
    bench->log.revokes = true;
    work(bench, 0);
    assert_false(ingest_status(bench->ingest).is_running);
}

static void revoke(void *arg)
{
    struct bench *bench = arg;
    bench->log.revokes = true;
}

static void what_is_in_hand_at_a_revocation_is_dropped(void **state)
{
    struct bench *bench = *state;
    struct err err;
    put_videos(bench, 0, 5, 10);
    for (int i = 0; i < 2; i++)
        assert_true(ingest_step(bench->ingest, 0, &err));
    revoke(bench);
    work(bench, 0);
    assert_false(ingest_status(bench->ingest).is_assigned);
    int64_t before = position(bench, 0);
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    assert_int_equal(position(bench, 0), before);
    bench->log.assigns = true;
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 20);
}

static void trouble_makes_the_positions_be_checked_again(void **state)
{
    struct bench *bench = *state;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    bench->log.partitions[0].records[9].record_ms++;
    bench->log.trouble = 1;
    bench->log.unwell_ranges = 1;
    work(bench, 1600);
    assert_int_equal(stopped(bench), 1);
}

static void stopping_commits_what_is_in_hand(void **state)
{
    struct bench *bench = *state;
    struct err err;
    put_videos(bench, 0, 5, 10);
    work(bench, 0);
    ingest_stop(bench->ingest);
    assert_true(ingest_run(bench->ingest, &err));
    assert_int_equal(videos_of(bench, 5), 10);
}

static void a_batch_larger_than_the_memory_bound_is_parted(void **state)
{
    struct bench *bench = *state;
    struct ingest_options options = {.bot_id = BOT,
                                     .batch_max_events = 100000,
                                     .batch_max_bytes = 512,
                                     .dead_letters_per_1000 = 10,
                                     .position_check_ms = 3600000};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    ingest_free(bench->ingest);
    bench->ingest = ingest_new(&options, &source, &store);
    put_videos(bench, 0, 5, 100);
    work(bench, 0);
    assert_int_equal(videos_of(bench, 5), 100);
    assert_true(bench->database.largest_batch < 50);
}

static bool refuse_open(void *self, struct err *err)
{
    (void)self;
    return err_set(err, ERR_FATAL, "the schema is newer");
}

static void a_database_that_never_fits_ends_the_work(void **state)
{
    struct bench *bench = *state;
    struct ingest_options options = {.bot_id = BOT, .batch_max_events = 10, .batch_max_bytes = 512};
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
    struct bench *bench = *state;
    bench->database.unwell_opens = 100;
    put_videos(bench, 0, 5, 10);
    work(bench, 1200);
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
    struct bench *bench = *state;
    pthread_t thread;
    void *result = NULL;
    put_videos(bench, 0, 5, 500);
    assert_int_equal(pthread_create(&thread, NULL, run_ingest, bench->ingest), 0);
    while (!ingest_status(bench->ingest).is_running || ingest_lag_ms(bench->ingest) != 0)
        (void)sched_yield();
    ingest_stop(bench->ingest);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, bench->ingest);
    assert_true(videos_of(bench, 5) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_are_applied_and_positions_move),
        TEST(a_restart_goes_on_where_the_fence_stands),
        TEST(a_store_without_partitions_is_well),
        TEST(copies_of_an_event_count_once),
        TEST(one_id_in_two_tables_is_two_events),
        TEST(poison_is_set_aside_and_the_rest_goes_on),
        TEST(too_many_dead_letters_stop_the_partition),
        TEST(a_record_in_the_wrong_partition_is_set_aside),
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
