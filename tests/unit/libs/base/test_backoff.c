#include "libs/base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void waits_double_up_to_the_maximum(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 100, .max_ms = 1000};
    static const int64_t longest[] = {100, 200, 400, 800, 1000, 1000};
    for (size_t i = 0; i < sizeof(longest) / sizeof(*longest); i++) {
        uint32_t most = (uint32_t)(longest[i] / 2); /* the random part that gives the whole wait */
        assert_int_equal(backoff_next(&backoff, most), longest[i]);
    }
}

static void jitter_stays_between_half_and_all(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 1000; random++) {
        struct backoff backoff = {.first_ms = 101, .max_ms = 1000};
        int64_t wait = backoff_next(&backoff, random * 4294967U);
        assert_in_range((uint64_t)wait, 51, 101);
    }
}

static void success_starts_over(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 100, .max_ms = 1000};
    (void)backoff_next(&backoff, 0);
    (void)backoff_next(&backoff, 0);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, 50), 100);
}

static void first_wait_never_passes_the_maximum(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 5000, .max_ms = 1000};
    assert_int_equal(backoff_next(&backoff, 500), 1000);
    struct backoff none = {.first_ms = 0, .max_ms = 0};
    assert_int_equal(backoff_next(&none, 7), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_maximum),
        cmocka_unit_test(jitter_stays_between_half_and_all),
        cmocka_unit_test(success_starts_over),
        cmocka_unit_test(first_wait_never_passes_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
