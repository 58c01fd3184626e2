#include "services/store/postgres/read_params.h"
#include "services/store/time_range.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t *fill(const struct read_request *request)
{
    static int64_t values[READ_PARAMS_MAX];
    memset(values, 0, sizeof(values));
    read_params_fill(request, values);
    return values;
}

struct ids_case {
    enum chat_class chat_class;
    int64_t after_id, first, last;
};

static void a_page_of_ids_begins_after_the_last_one(void **state)
{
    (void)state;
    static const struct ids_case CASES[] = {
        {CHAT_CLASS_EVERY, INT64_MIN, INT64_MIN, INT64_MAX}, {CHAT_CLASS_EVERY, -5, -4, INT64_MAX},
        {CHAT_CLASS_USER, INT64_MIN, 1, INT64_MAX},          {CHAT_CLASS_USER, 7, 8, INT64_MAX},
        {CHAT_CLASS_GROUP, INT64_MIN, INT64_MIN, -1},        {CHAT_CLASS_GROUP, -2, -1, -1},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct read_request request = {.kind = READ_USER_IDS, .chat_class = CASES[i].chat_class};
        request.ids.after_id = CASES[i].after_id;
        const int64_t *values = fill(&request);
        assert_true(values[0] == CASES[i].first);
        assert_true(values[1] == CASES[i].last);
    }
}

static void nothing_comes_after_the_largest_id(void **state)
{
    (void)state;
    struct read_request request = {.kind = READ_USERS};
    request.ids.after_id = INT64_MAX;
    const int64_t *values = fill(&request);
    assert_true(values[0] > values[1]);
}

static void known_times_come_before_unknown_ones(void **state)
{
    (void)state;
    struct read_request request = {.kind = READ_USER_VIDEOS};
    request.videos.user_id = 5;
    request.videos.include_unknown = true;
    request.videos.after = (struct read_after){.time = 100, .pk_id = 7};
    const int64_t *values = fill(&request);
    assert_true(values[0] == 100 && values[1] == 7);
    assert_true(values[2] == INT64_MIN && values[3] == 5);

    request.videos.after = (struct read_after){.is_unknown = true, .pk_id = 9};
    values = fill(&request);
    assert_true(values[0] == INT64_MAX && values[1] == INT64_MAX && values[2] == 9);
}

static void a_period_has_no_unknown_time(void **state)
{
    (void)state;
    struct read_request request = {.kind = READ_VIDEOS, .chat_class = CHAT_CLASS_GROUP};
    request.videos.after = (struct read_after){.time = 100, .pk_id = INT64_MIN};
    const int64_t *values = fill(&request);
    assert_true(values[2] == INT64_MAX);
    assert_true(values[3] == 2 && values[4] == 2);
}

/* The id 0 is in the lists and series of all chats, and not in their totals. */
static void all_chats_are_with_or_without_the_id_zero(void **state)
{
    (void)state;
    static const struct {
        enum read_kind kind;
        int64_t first;
    } CASES[] = {
        {READ_TOTALS, 1}, {READ_WINDOW, 1}, {READ_SERIES_USERS, 0}, {READ_SERIES_MUSIC, 0}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct read_request request = {.kind = CASES[i].kind};
        const int64_t *values = fill(&request);
        assert_true(values[0] == CASES[i].first && values[1] == 2);
        request.chat_class = CHAT_CLASS_USER;
        values = fill(&request);
        assert_true(values[0] == 1 && values[1] == 1);
    }
    struct read_request list = {.kind = READ_VIDEOS};
    assert_true(fill(&list)[3] == 0);
}

static void a_range_is_told_with_its_parts(void **state)
{
    (void)state;
    struct time_range_series series = {.is_daily = true, .from = 90000, .to = 1000000};
    struct read_request request = {.kind = READ_SERIES_USERS, .slices = time_range_slices(&series)};
    const int64_t *values = fill(&request);
    static const int64_t WANTED[] = {0,   2,     2,     2,      11,      25,    48,     264,
                                     277, 90000, 90000, 997200, 1000000, 90000, 1000000};
    for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++)
        assert_true(values[i] == WANTED[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_ids_begins_after_the_last_one),
        cmocka_unit_test(nothing_comes_after_the_largest_id),
        cmocka_unit_test(known_times_come_before_unknown_ones),
        cmocka_unit_test(a_period_has_no_unknown_time),
        cmocka_unit_test(all_chats_are_with_or_without_the_id_zero),
        cmocka_unit_test(a_range_is_told_with_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
