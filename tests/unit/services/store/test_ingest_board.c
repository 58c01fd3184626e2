#include "services/store/ingest_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1760000000000)
#define RUNNING "running"

static struct ingest_board board;
static struct board_view view;

static int setup(void **state)
{
    (void)state;
    board = (struct ingest_board){0};
    ingest_board_init(&board);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ingest_board_done(&board);
    return 0;
}

static struct board_sight sight(int32_t partition, int64_t applied)
{
    return (struct board_sight){
        .partition = partition, .state = RUNNING, .applied = applied, .end = applied + 5};
}

static void see(const struct board_sight *sights, size_t count, int64_t now_ms)
{
    ingest_board_write(&board, sights, count, now_ms);
    ingest_board_read(&board, &view);
}

static void it_says_nothing_before_anything_was_seen(void **state)
{
    (void)state;
    ingest_board_read(&board, &view);
    assert_int_equal(view.count, 0);
    assert_int_equal(view.measured_ms, 0);
    ingest_board_set_topic(&board, 12);
    ingest_board_read(&board, &view);
    assert_int_equal(view.topic_partitions, 12);
}

static void a_state_is_since_when_it_was_first_seen(void **state)
{
    (void)state;
    struct board_sight both[] = {sight(2, 10), sight(7, 20)};
    see(both, 2, NOW);
    see(both, 2, NOW + 1000);
    assert_int_equal(view.rows[1].since_ms, NOW);
    both[1].state = "stopped";
    both[1].reason = STOP_GAP;
    see(both, 2, NOW + 2000);
    see(both, 2, NOW + 3000);
    assert_int_equal(view.rows[0].since_ms, NOW);
    assert_int_equal(view.rows[1].since_ms, NOW + 2000);
    assert_int_equal(view.rows[1].reason, STOP_GAP);
    assert_int_equal(view.rows[1].end, 25);
    assert_int_equal(view.measured_ms, NOW + 3000);
}

static void a_rate_is_that_of_the_last_seconds(void **state)
{
    (void)state;
    struct board_sight one = sight(3, 0);
    see(&one, 1, NOW);
    assert_int_equal(view.rows[0].rate, -1);
    for (int64_t second = 1; second <= 60; second++) { /* 100 a second, then none */
        one.applied = second <= 30 ? second * 100 : 3000;
        see(&one, 1, NOW + second * 1000);
        if (second <= 30)
            assert_int_equal(view.rows[0].rate, 100000);
    }
    assert_int_equal(view.rows[0].rate, 0);
}

static void another_log_and_a_clock_set_back_begin_anew(void **state)
{
    (void)state;
    struct board_sight one = sight(3, 1000);
    see(&one, 1, NOW);
    one.applied = 10;
    see(&one, 1, NOW + 5000);
    assert_int_equal(view.rows[0].rate, -1);
    see(&one, 1, NOW - 5000);
    assert_int_equal(view.rows[0].rate, -1);
    one.applied = 20;
    see(&one, 1, NOW - 4000);
    assert_int_equal(view.rows[0].rate, 10000);
}

static void what_was_given_away_is_gone(void **state)
{
    (void)state;
    const struct board_sight before[] = {sight(1, 10), sight(2, 10)};
    const struct board_sight after[] = {sight(2, 60), sight(5, 10)};
    see(before, 2, NOW);
    see(after, 2, NOW + 5000);
    assert_int_equal(view.count, 2);
    assert_int_equal(view.rows[0].partition, 2);
    assert_int_equal(view.rows[0].rate, 10000);
    assert_int_equal(view.rows[1].rate, -1);
    see(NULL, 0, NOW + 6000);
    assert_int_equal(view.count, 0);
    see(after, 2, NOW + 7000);
    assert_int_equal(view.rows[0].since_ms, NOW + 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_nothing_before_anything_was_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_is_since_when_it_was_first_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rate_is_that_of_the_last_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(another_log_and_a_clock_set_back_begin_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_given_away_is_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
