/* utc_time: moments as people write them. */
#include "services/store/utc_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void moments_are_read_to_the_second(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } CASES[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T23:59:59Z", INT64_C(951868799000)},
        {"2026-11-30T12:00:00Z", INT64_C(1796040000000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        int64_t ms = -1;
        assert_true(utc_time_parse(CASES[i].text, &ms));
        assert_int_equal(ms, CASES[i].ms);
    }
}

static void other_texts_are_none(void **state)
{
    static const char *const WRONG[] = {
        "",
        "now",
        "2026-11-30",
        "2026-11-30T12:00:00",
        "2026-11-30T12:00:00Z ",
        "2026-11-30 12:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-00-30T12:00:00Z",
        "2026-11-32T12:00:00Z",
        "2026-11-30T24:00:00Z",
        "2026-11-30T12:60:00Z",
        "2026-11-30T12:00:60Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
        int64_t ms = 0;
        assert_false(utc_time_parse(WRONG[i], &ms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_read_to_the_second),
        cmocka_unit_test(other_texts_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
