/* replay_report: what is read of a rebuild's progress. */
#include "services/store/replay_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct replay_view HALF = {.state = GENERATION_BUILDING,
                                        .is_leading = true,
                                        .done = 500,
                                        .total = 1000,
                                        .behind = 600,
                                        .live_behind = 3};

static void assert_report(enum report_form form, const struct replay_view *view,
                          const struct replay_speed *speed, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    replay_report(&out, form, 2, view, speed);
    assert_true(buf_append(&out, "", 1));
    assert_string_equal(out.data, expected);
    buf_done(&out);
}

static void a_line_says_how_far_how_fast_and_how_long(void **state)
{
    struct replay_speed speed = {.per_s = 4.0};
    (void)state;
    assert_report(REPORT_LINE, &HALF, &speed,
                  "generation 2 building: 500 of 1000 events (50.0 %), 4/s, 2:05 left, behind 600, "
                  "live behind 3\n");
}

static void a_bar_is_drawn_over_itself(void **state)
{
    struct replay_speed speed = {0};
    (void)state;
    assert_report(REPORT_BAR, &HALF, &speed,
                  "\r\033[K[###############...............] generation 2 building: 500 of 1000 "
                  "events (50.0 %), behind 600, live behind 3");
}

static void json_is_one_object(void **state)
{
    struct replay_speed speed = {.per_s = 4.0};
    struct replay_view failed = {
        .state = GENERATION_FAILED, .is_paused = true, .detail = "differs: users"};
    (void)state;
    assert_report(REPORT_JSON, &HALF, &speed,
                  "{\"generation\":2,\"state\":\"building\",\"paused\":false,\"done\":500,"
                  "\"total\":1000,\"events_per_s\":4,\"left_s\":125,\"behind\":600,"
                  "\"live_behind\":3,\"detail\":\"\"}\n");
    assert_report(REPORT_JSON, &failed, &(struct replay_speed){0},
                  "{\"generation\":2,\"state\":\"failed\",\"paused\":true,\"done\":0,\"total\":0,"
                  "\"events_per_s\":0,\"left_s\":-1,\"behind\":0,\"live_behind\":0,"
                  "\"detail\":\"differs: users\"}\n");
}

static void the_speed_is_of_this_state_and_this_process(void **state)
{
    struct replay_speed speed = {0};
    struct replay_view view = HALF;
    (void)state;
    replay_speed_add(&speed, &view, 1000);
    assert_true(speed.per_s == 0.0 && !speed.is_known);
    assert_int_equal(replay_speed_left_s(&speed, &view), -1);
    view.done = 700;
    replay_speed_add(&speed, &view, 3000);
    assert_true(speed.per_s == 100.0 && speed.is_known);
    assert_int_equal(replay_speed_left_s(&speed, &view), 3);
    view.state = GENERATION_CATCHING_UP;
    replay_speed_add(&speed, &view, 4000);
    assert_true(speed.per_s == 0.0);
}

static void a_table_says_whether_it_is_equal_and_where_not(void **state)
{
    struct table_difference table = {
        .table = "users", .rows_live = 5, .rows_new = 4, .is_equal = false, .example = "user_id=7"};
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    replay_report_table(&out, REPORT_LINE, &table);
    assert_true(buf_append(&out, "", 1));
    assert_string_equal(out.data,
                        "users        DIFFERS  live 5 rows, new 4 rows, first at user_id=7\n");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_how_far_how_fast_and_how_long),
        cmocka_unit_test(a_bar_is_drawn_over_itself),
        cmocka_unit_test(json_is_one_object),
        cmocka_unit_test(the_speed_is_of_this_state_and_this_process),
        cmocka_unit_test(a_table_says_whether_it_is_equal_and_where_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
