#include "libs/base/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t before_us = now_monotonic_us();
    int64_t between_ms = now_monotonic_ms();
    int64_t after_us = now_monotonic_us();
    assert_true(before_us / 1000 <= between_ms && between_ms <= after_us / 1000);
    assert_true(before_us <= after_us);
}

static void wall_clock_is_in_this_century(void **state)
{
    (void)state;
    assert_true(now_unix_ms() > INT64_C(1735689600000)); /* 2025 */
    assert_true(now_unix_ms() < INT64_C(4102444800000)); /* 2100 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_clock_never_goes_back),
        cmocka_unit_test(wall_clock_is_in_this_century),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
