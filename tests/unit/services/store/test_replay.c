/* replay: one rebuild from its beginning to its end, over a database and a log in memory. */
#include "services/store/replay.h"

#include "libs/base/mem.h"
#include "tests/support/fake_generations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS 3600000

struct bench {
    struct fake_generations database;
    struct generation_store store;
    struct log_watch log;
    struct replay *replay;
    struct replay_view view;
    enum replay_progress progress;
    struct err err;
};

static void begin(struct bench *bench, bool is_swapped_when_ready)
{
    struct replay_rules rules = {
        .id = 2, .is_swapped_when_ready = is_swapped_when_ready, .grace_ms = HOUR_MS};
    bench->replay = replay_new(&rules, &bench->store, &bench->log);
}

static bool step(struct bench *bench, int64_t now_ms)
{
    return replay_step(bench->replay, now_ms, &bench->view, &bench->progress, &bench->err);
}

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof(*bench));
    fake_generations_init(&bench->database);
    bench->store = fake_generations_store(&bench->database);
    bench->log = fake_generations_log(&bench->database);
    fake_generations_set_log(&bench->database, 100, 50);
    fake_generations_set_position(&bench->database, 1, 100, 50);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    replay_free(bench->replay);
    fake_generations_done(&bench->database);
    free(bench);
    return 0;
}

static bool make(struct bench *bench, const struct position *end, bool is_forced)
{
    int id = 0;
    struct replay_making making = {.end = end, .expected_differences = "", .is_forced = is_forced};
    bool is_made = replay_make(&making, &bench->store, &bench->log, &id, &bench->err);
    assert_true(!is_made || id == 2);
    return is_made;
}

static void it_goes_by_bulk_indexes_and_comparison_to_the_swap(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    begin(bench, true);
    assert_true(step(bench, 1));
    assert_int_equal(bench->view.state, GENERATION_BUILDING);
    assert_int_equal(bench->view.total, 150);
    assert_int_equal(bench->view.done, 0);
    fake_generations_set_position(&bench->database, 2, 60, 50);
    assert_true(step(bench, 2));
    assert_int_equal(bench->view.done, 110);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_BUILDING);
    fake_generations_set_position(&bench->database, 2, 100, 50);
    assert_true(step(bench, 3));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_INDEXING);
    assert_true(step(bench, 4));
    assert_int_equal(bench->database.indexed, 1);
    assert_false(bench->database.is_held);
    assert_int_equal(bench->database.erased[2], 0); /* the log brings them */
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_CATCHING_UP);
    assert_true(step(bench, 5));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_VERIFYING);
    assert_true(step(bench, 6));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_READY);
    assert_true(step(bench, 7));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_LIVE);
    assert_int_equal(fake_generations_state(&bench->database, 1), GENERATION_RETIRED);
    assert_true(step(bench, 8));
    assert_int_equal(bench->progress, REPLAY_GOES_ON);
    assert_true(step(bench, 8 + HOUR_MS));
    assert_int_equal(bench->progress, REPLAY_DONE);
}

static void tables_of_another_projection_are_not_kept_up(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    bench->database.items[1].projection_version = 2;
    bench->database.items[2].projection_version = 3;
    fake_generations_set_state(&bench->database, 2, GENERATION_READY);
    fake_generations_set_position(&bench->database, 2, 100, 50);
    begin(bench, true);
    assert_true(step(bench, 1));
    assert_int_equal(bench->progress, REPLAY_GOES_ON);
    assert_true(step(bench, 2));
    assert_int_equal(bench->progress, REPLAY_DONE);
}

static void far_behind_it_is_not_compared_yet(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_state(&bench->database, 2, GENERATION_CATCHING_UP);
    fake_generations_set_position(&bench->database, 2, 100, 50);
    fake_generations_set_log(&bench->database, 2000, 50);
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_int_equal(bench->view.behind, 1900);
    assert_int_equal(bench->view.live_behind, 1900);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_CATCHING_UP);
}

static void without_being_told_it_stays_ready(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_state(&bench->database, 2, GENERATION_READY);
    begin(bench, false);
    assert_true(step(bench, 1) && step(bench, 2));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_READY);
}

static void what_differs_ends_it(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_state(&bench->database, 2, GENERATION_VERIFYING);
    bench->database.differing = "users";
    begin(bench, true);
    assert_true(step(bench, 1));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_FAILED);
    assert_true(step(bench, 2));
    assert_int_equal(bench->progress, REPLAY_FAILED);
    assert_string_equal(bench->view.detail, "differs: users");
    assert_int_equal(fake_generations_state(&bench->database, 1), GENERATION_LIVE);
}

static void a_comparison_that_fails_is_tried_again(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_state(&bench->database, 2, GENERATION_VERIFYING);
    fake_generations_set_position(&bench->database, 2, 100, 50);
    bench->database.unwell_compares = 1;
    begin(bench, false);
    assert_false(step(bench, 1));
    assert_int_equal(bench->err.kind, ERR_RETRY);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_CATCHING_UP);
    assert_true(step(bench, 2) && step(bench, 3));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_READY);
}

static void note_view(void *self, const struct replay_view *view)
{
    struct bench *bench = self;
    assert_int_equal(view->state, GENERATION_INDEXING);
    assert_int_equal(bench->database.indexed, 0);
    bench->view = *view;
}

/* Who watches must not wait for the end of an index to hear that it is made. */
static void long_work_is_told_before_it_begins(void **state)
{
    struct bench *bench = *state;
    struct replay_view view;
    struct replay_rules rules = {.id = 2, .viewed = note_view, .self = bench};
    assert_true(make(bench, NULL, false));
    fake_generations_set_state(&bench->database, 2, GENERATION_INDEXING);
    bench->replay = replay_new(&rules, &bench->store, &bench->log);
    assert_true(replay_step(bench->replay, 1, &view, &bench->progress, &bench->err));
    assert_int_equal(bench->view.state, GENERATION_INDEXING);
    assert_int_equal(bench->database.indexed, 1);
}

static void a_pause_stops_it(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_position(&bench->database, 2, 100, 50);
    assert_true(bench->store.set_paused(bench->store.self, 2, true, &bench->err));
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_true(bench->view.is_paused);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_BUILDING);
}

static void who_does_not_lead_moves_nothing(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    fake_generations_set_position(&bench->database, 2, 100, 50);
    bench->database.is_led_by_another = true;
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_false(bench->view.is_leading);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_BUILDING);
    bench->database.is_led_by_another = false; /* it was killed */
    assert_true(step(bench, 2));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_INDEXING);
}

static void a_past_moment_ends_where_it_was_told(void **state)
{
    struct bench *bench = *state;
    struct position end = {0};
    position_raise(&end, 0, 40);
    assert_true(make(bench, &end, false));
    position_done(&end);
    fake_generations_set_position(&bench->database, 2, 40, 0);
    begin(bench, true);
    assert_true(step(bench, 1));
    assert_int_equal(bench->view.total, 40);
    assert_true(step(bench, 2));
    assert_true(bench->database.is_held);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_PAST);
    assert_int_equal(bench->database.erased[2], 1);
    assert_true(step(bench, 3));
    assert_int_equal(bench->progress, REPLAY_DONE);
}

/* Nobody is told that it is there before. */
static void a_past_moment_is_there_once_later_erases_are_applied(void **state)
{
    struct bench *bench = *state;
    struct position end = {0};
    position_raise(&end, 0, 40);
    assert_true(make(bench, &end, false));
    position_done(&end);
    fake_generations_set_position(&bench->database, 2, 40, 0);
    bench->database.unwell_erases = 1;
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_false(step(bench, 2));
    assert_int_equal(bench->err.kind, ERR_RETRY);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_INDEXING);
    assert_int_equal(bench->database.erased[2], 0);
    assert_true(step(bench, 3));
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_PAST);
    assert_int_equal(bench->database.erased[2], 1);
}

static void an_end_beyond_the_log_is_refused(void **state)
{
    struct bench *bench = *state;
    struct position end = {0};
    position_raise(&end, 1, 51);
    assert_false(make(bench, &end, false));
    position_done(&end);
    assert_int_equal(bench->err.kind, ERR_REJECT);
    assert_non_null(strstr(bench->err.text, "partition 1 ends before offset 51"));
}

static void a_log_without_its_beginning_is_refused_unless_forced(void **state)
{
    struct bench *bench = *state;
    fake_generations_set_log_begin(&bench->database, 7, 0);
    assert_false(make(bench, NULL, false));
    assert_int_equal(bench->err.kind, ERR_REJECT);
    assert_non_null(strstr(bench->err.text, "partition 0 of the log begins at offset 7"));
    assert_true(make(bench, NULL, true));
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_int_equal(bench->view.total, 143);
}

static void a_dropped_one_is_gone(void **state)
{
    struct bench *bench = *state;
    assert_true(make(bench, NULL, false));
    begin(bench, false);
    assert_true(step(bench, 1));
    assert_true(bench->store.drop(bench->store.self, 2, &bench->err));
    assert_true(step(bench, 2));
    assert_int_equal(bench->progress, REPLAY_GONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_goes_by_bulk_indexes_and_comparison_to_the_swap),
        TEST(tables_of_another_projection_are_not_kept_up),
        TEST(far_behind_it_is_not_compared_yet),
        TEST(without_being_told_it_stays_ready),
        TEST(what_differs_ends_it),
        TEST(a_comparison_that_fails_is_tried_again),
        TEST(long_work_is_told_before_it_begins),
        TEST(a_pause_stops_it),
        TEST(who_does_not_lead_moves_nothing),
        TEST(a_past_moment_ends_where_it_was_told),
        TEST(a_past_moment_is_there_once_later_erases_are_applied),
        TEST(an_end_beyond_the_log_is_refused),
        TEST(a_log_without_its_beginning_is_refused_unless_forced),
        TEST(a_dropped_one_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
