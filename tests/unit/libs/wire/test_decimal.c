#include "libs/wire/decimal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(int64_t number)
{
    char expected[32];
    char out[DECIMAL_MAX];
    int len = snprintf(expected, sizeof(expected), "%" PRId64, number);
    assert_int_equal(decimal_write(number, out), len);
    assert_memory_equal(out, expected, (size_t)len);
}

static void numbers_read_as_printf_writes_them(void **state)
{
    (void)state;
    const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, INT32_MIN};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        check(edges[i]);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        check(power - 1);
        check(power);
        check(-power);
    }
}

static void padded_numbers_keep_their_width(void **state)
{
    (void)state;
    char out[5] = "xxxx";
    decimal_write_padded(7, 3, out);
    assert_string_equal(out, "007x");
    decimal_write_padded(9999, 4, out);
    assert_string_equal(out, "9999");
    decimal_write_padded(0, 2, out);
    assert_string_equal(out, "0099");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_read_as_printf_writes_them),
        cmocka_unit_test(padded_numbers_keep_their_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
