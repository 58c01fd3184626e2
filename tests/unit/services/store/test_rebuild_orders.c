/* rebuild_orders: what a caller may order, over a database and a log in memory. */
#include "services/store/rebuild_orders.h"

#include "libs/base/mem.h"
#include "tests/support/fake_generations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct fake_generations database;
    struct generation_store store;
    struct log_watch log;
    struct rebuild_answer answer;
};

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof(*bench));
    fake_generations_init(&bench->database);
    bench->store = fake_generations_store(&bench->database);
    bench->log = fake_generations_log(&bench->database);
    fake_generations_set_log(&bench->database, 100, 50);
    fake_generations_set_position(&bench->database, 1, 98, 50);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    rebuild_answer_done(&bench->answer);
    fake_generations_done(&bench->database);
    free(bench);
    return 0;
}

static enum rebuild_outcome order(struct bench *bench, enum replay_action action, int generation)
{
    struct rebuild_order order = {.action = action, .generation = generation};
    rebuild_answer_done(&bench->answer);
    rebuild_order_do(&order, &bench->store, &bench->log, &bench->answer);
    return bench->answer.outcome;
}

static void assert_says(const struct bench *bench, const char *text)
{
    assert_string_equal(bench->answer.text, text);
}

static void a_rebuild_is_made_and_looked_at(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(order(bench, REPLAY_START, 0), REBUILD_DONE);
    assert_int_equal(bench->answer.generation, 2);
    fake_generations_set_position(&bench->database, 2, 60, 50);
    assert_int_equal(order(bench, REPLAY_STATUS, 0), REBUILD_DONE);
    assert_int_equal(bench->answer.generation, 2);
    assert_int_equal(bench->answer.view.state, GENERATION_BUILDING);
    assert_int_equal(bench->answer.view.done, 110);
    assert_int_equal(bench->answer.view.total, 150);
    assert_int_equal(bench->answer.view.live_behind, 2);
    assert_false(bench->answer.is_over);
    assert_int_equal(order(bench, REPLAY_STATUS, 1), REBUILD_DONE);
    assert_true(bench->answer.is_over);
    assert_int_equal(order(bench, REPLAY_LIST, 0), REBUILD_DONE);
    assert_int_equal(bench->answer.row_count, 2);
    assert_int_equal(bench->answer.rows[1].id, 2);
    assert_int_equal(order(bench, REPLAY_START, 0), REBUILD_REFUSED);
}

static void a_moment_is_looked_up_in_the_log(void **state)
{
    struct bench *bench = *state;
    struct rebuild_order moment = {
        .action = REPLAY_START, .has_as_of_time = true, .as_of_ms = 1764504000000};
    bench->database.at_time[0] = 30;
    bench->database.at_time[1] = 20;
    rebuild_order_do(&moment, &bench->store, &bench->log, &bench->answer);
    assert_int_equal(bench->answer.outcome, REBUILD_DONE);
    assert_true(bench->database.asked_ms == 1764504000000);
    assert_true(bench->database.items[2].has_end);
    assert_int_equal(bench->database.items[2].target[0], 30);
    assert_int_equal(bench->database.items[2].target[1], 20);
}

static void a_position_beyond_the_log_is_refused(void **state)
{
    struct bench *bench = *state;
    struct rebuild_order beyond = {.action = REPLAY_START, .has_as_of_position = true};
    position_raise(&beyond.as_of_position, 1, 51);
    rebuild_order_do(&beyond, &bench->store, &bench->log, &bench->answer);
    rebuild_order_done(&beyond);
    assert_int_equal(bench->answer.outcome, REBUILD_REFUSED);
    assert_says(bench, "the log of partition 1 ends before offset 51");
}

static void orders_reach_the_generation_that_is_meant(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(order(bench, REPLAY_START, 0), REBUILD_DONE);
    assert_int_equal(order(bench, REPLAY_PAUSE, 0), REBUILD_DONE);
    assert_true(bench->database.items[2].is_paused);
    assert_int_equal(order(bench, REPLAY_RESUME, 2), REBUILD_DONE);
    assert_false(bench->database.items[2].is_paused);
    fake_generations_set_state(&bench->database, 2, GENERATION_READY);
    assert_int_equal(order(bench, REPLAY_SWAP, 0), REBUILD_DONE);
    assert_int_equal(fake_generations_state(&bench->database, 2), GENERATION_LIVE);
    assert_int_equal(order(bench, REPLAY_ROLLBACK, 0), REBUILD_DONE);
    assert_int_equal(bench->answer.generation, 1);
    assert_int_equal(fake_generations_state(&bench->database, 1), GENERATION_LIVE);
    assert_int_equal(order(bench, REPLAY_DROP, 2), REBUILD_DONE);
    assert_false(bench->database.items[2].is_there);
    assert_int_equal(order(bench, REPLAY_START, 0), REBUILD_DONE);
    assert_int_equal(order(bench, REPLAY_CANCEL, 0), REBUILD_DONE);
    assert_false(bench->database.items[2].is_there);
}

static void what_does_not_suit_is_named(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(order(bench, REPLAY_PAUSE, 0), REBUILD_NOT_FOUND);
    assert_says(bench, "nothing is being rebuilt");
    assert_int_equal(order(bench, REPLAY_ROLLBACK, 0), REBUILD_NOT_FOUND);
    assert_says(bench, "no generation is kept to go back to");
    assert_int_equal(order(bench, REPLAY_STATUS, 7), REBUILD_NOT_FOUND);
    assert_says(bench, "there is no generation 7");
    assert_int_equal(order(bench, REPLAY_DROP, 1), REBUILD_REFUSED);
    assert_says(bench, "generation 1 is live, and this needs one that is not live");
    assert_int_equal(order(bench, REPLAY_CANCEL, 1), REBUILD_REFUSED);
    assert_says(bench, "generation 1 is live, and this needs one that is being rebuilt or failed");
    assert_true(bench->database.items[1].is_there);
}

static void a_database_that_is_away_is_said_to_be(void **state)
{
    struct bench *bench = *state;
    bench->database.is_away = true;
    assert_int_equal(order(bench, REPLAY_LIST, 0), REBUILD_UNWELL);
    assert_says(bench, "the fake database is away");
    assert_int_equal(order(bench, REPLAY_START, 0), REBUILD_UNWELL);
    assert_int_equal(order(bench, REPLAY_PAUSE, 0), REBUILD_UNWELL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rebuild_is_made_and_looked_at),      TEST(a_moment_is_looked_up_in_the_log),
        TEST(a_position_beyond_the_log_is_refused), TEST(orders_reach_the_generation_that_is_meant),
        TEST(what_does_not_suit_is_named),          TEST(a_database_that_is_away_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
