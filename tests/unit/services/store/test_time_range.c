#include "services/store/time_range.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR TIME_RANGE_HOUR_S
#define DAY TIME_RANGE_DAY_S
#define BLOCK TIME_RANGE_BLOCK_S

static bool has(struct read_span span, int64_t number)
{
    return number >= span.first && number < span.end;
}

/* How many parts of the window a moment is in. */
static int window_parts(const struct read_window *window, int64_t time)
{
    return (time > window->after && time < window->edge_end) + has(window->hours, time / HOUR) +
           has(window->days, time / DAY) + (time / BLOCK >= window->block);
}

/* Moments before, at and after where buckets begin, around a place. */
static const int64_t PLACES[] = {
    0, HOUR, DAY, DAY + HOUR, BLOCK, BLOCK + DAY, 700 * (int64_t)BLOCK, 1760000000};
#define PLACE_COUNT (sizeof(PLACES) / sizeof(PLACES[0]))

static void a_window_has_each_later_moment_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        for (int64_t after = PLACES[i] - 2; after <= PLACES[i] + 2; after++) {
            struct read_window window = time_range_window(after + 5, 5);
            for (size_t j = 0; j < PLACE_COUNT; j++)
                for (int64_t time = PLACES[j]; time <= PLACES[j] + 2; time++)
                    assert_int_equal(window_parts(&window, time), time > after);
            for (int64_t time = after < 0 ? 0 : after; time < after + 2 * (int64_t)BLOCK;
                 time += 1799)
                assert_int_equal(window_parts(&window, time), time > after);
        }
}

static void a_window_touches_few_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        struct read_window window = time_range_window(PLACES[i], 1);
        assert_in_range(window.edge_end - window.after, 1, HOUR);
        assert_in_range(window.hours.end - window.hours.first, 0, 23);
        assert_in_range(window.days.end - window.days.first, 0, 31);
    }
}

static void a_window_may_begin_before_1970_or_never(void **state)
{
    (void)state;
    struct read_window all = time_range_window(1760000000, INT64_MAX);
    struct read_window overflow = time_range_window(-5, INT64_MAX);
    struct read_window far = time_range_window(INT64_MIN, 1);
    struct read_window none = time_range_window(INT64_MAX, 1);
    assert_int_equal(window_parts(&all, 0), 1);
    assert_int_equal(window_parts(&overflow, 0), 1);
    assert_int_equal(window_parts(&far, 0), 1);
    assert_int_equal(window_parts(&none, 253402300799), 0);
}

static void a_moment_ago_does_not_overflow(void **state)
{
    (void)state;
    assert_true(time_range_ago(100, 40) == 60);
    assert_true(time_range_ago(INT64_MIN + 1, 2) == INT64_MIN);
    assert_true(time_range_ago(INT64_MAX - 1, -2) == INT64_MAX);
}

static int slice_parts(const struct read_slices *slices, int64_t time)
{
    return has(slices->buckets, time / (slices->is_daily ? DAY : HOUR)) +
           has(slices->hours[0], time / HOUR) + has(slices->hours[1], time / HOUR) +
           has(slices->edges[0], time) + has(slices->edges[1], time);
}

static void check_slices(const struct time_range_series *series)
{
    struct read_slices slices = time_range_slices(series);
    for (int i = 0; i < 2; i++) {
        assert_in_range(slices.edges[i].end - slices.edges[i].first, 0, HOUR - 1);
        assert_in_range(slices.hours[i].end - slices.hours[i].first, 0, 23);
    }
    for (int64_t time = series->from < 4 ? 0 : series->from - 4; time < series->to + 4;
         time += time % HOUR < 4 || time % HOUR > HOUR - 4 ? 1 : 577) {
        bool is_in = time >= series->from && time < series->to;
        assert_int_equal(slice_parts(&slices, time), is_in);
        assert_int_equal(has(slices.all, time), is_in);
    }
}

static void slices_have_each_moment_of_the_range_once(void **state)
{
    (void)state;
    static const int64_t LENGTHS[] = {0,       1,        2,        HOUR - 1,
                                      HOUR,    HOUR + 1, 5 * HOUR, DAY - 1,
                                      DAY,     DAY + 1,  2 * DAY,  2 * DAY + 7 * HOUR + 5,
                                      40 * DAY};
    for (int daily = 0; daily < 2; daily++)
        for (size_t i = 0; i < PLACE_COUNT; i++)
            for (size_t j = 0; j < sizeof(LENGTHS) / sizeof(LENGTHS[0]); j++)
                for (int64_t from = PLACES[i] == 0 ? 0 : PLACES[i] - 1; from <= PLACES[i] + 1;
                     from++)
                    check_slices(&(struct time_range_series){daily != 0, from, from + LENGTHS[j]});
}

static void an_empty_range_has_no_bucket(void **state)
{
    (void)state;
    struct time_range_series backwards = {.from = 10 * HOUR, .to = 9 * HOUR};
    assert_int_equal(time_range_count(&backwards), 0);
    struct read_slices slices = time_range_slices(&backwards);
    assert_int_equal(slice_parts(&slices, 9 * HOUR + 5), 0);
}

static void points_go_to_the_bucket_they_lie_in(void **state)
{
    (void)state;
    struct time_range_series series = {.is_daily = true, .from = 2 * DAY + HOUR, .to = 4 * DAY + 1};
    static const struct read_point POINTS[] = {
        {2 * DAY, 1}, {2 * DAY + 5 * HOUR, 2}, {3 * DAY, 10}, {3 * DAY + 1, -4}, {4 * DAY, 100},
        {DAY, 1000},  {5 * DAY, 1000}};
    struct read_points points = {POINTS, sizeof(POINTS) / sizeof(POINTS[0])};
    int64_t counts[3] = {0};
    assert_int_equal(time_range_count(&series), 3);
    time_range_add(&series, &points, counts);
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 6);
    assert_int_equal(counts[2], 100);
    assert_int_equal(time_range_start(&series, 0), 2 * DAY);
    assert_int_equal(time_range_start(&series, 2), 4 * DAY);
}

static void the_largest_ranges_are_counted(void **state)
{
    (void)state;
    struct time_range_series all = {.from = 0, .to = INT64_MAX};
    struct time_range_series last = {.from = INT64_MAX - 1, .to = INT64_MAX};
    assert_true(time_range_count(&all) == INT64_MAX / HOUR + 1);
    assert_int_equal(time_range_count(&last), 1);
    struct read_slices slices = time_range_slices(&last);
    assert_int_equal(slice_parts(&slices, INT64_MAX - 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_has_each_later_moment_once),
        cmocka_unit_test(a_window_touches_few_parts),
        cmocka_unit_test(a_window_may_begin_before_1970_or_never),
        cmocka_unit_test(a_moment_ago_does_not_overflow),
        cmocka_unit_test(slices_have_each_moment_of_the_range_once),
        cmocka_unit_test(an_empty_range_has_no_bucket),
        cmocka_unit_test(points_go_to_the_bucket_they_lie_in),
        cmocka_unit_test(the_largest_ranges_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
