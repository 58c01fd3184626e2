#include "services/store/letter_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void only_the_last_thousand_records_count(void **state)
{
    (void)state;
    struct letter_rate rate = {0};
    for (int i = 0; i < 30; i++)
        letter_rate_add(&rate, true);
    for (int i = 30; i < LETTER_RATE_SPAN; i++)
        letter_rate_add(&rate, false);
    assert_int_equal(letter_rate_count(&rate), 30);
    for (int i = 0; i < 10; i++)
        letter_rate_add(&rate, false);
    assert_int_equal(letter_rate_count(&rate), 20);
    for (int i = 0; i < LETTER_RATE_SPAN; i++)
        letter_rate_add(&rate, true);
    assert_int_equal(letter_rate_count(&rate), LETTER_RATE_SPAN);
}

static void what_is_dropped_does_not_count(void **state)
{
    (void)state;
    struct letter_rate rate = {0};
    letter_rate_add(&rate, true);
    letter_rate_commit(&rate);
    letter_rate_add(&rate, true);
    assert_int_equal(letter_rate_count(&rate), 2);
    letter_rate_drop(&rate);
    assert_int_equal(letter_rate_count(&rate), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_last_thousand_records_count),
        cmocka_unit_test(what_is_dropped_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
