#include "libs/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_utf8;
    } cases[] = {
        {"", true},
        {"plain ASCII, more than eight bytes", true},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x91\x8D", true},
        {"\xEF\xBF\xBF", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\xED\x9F\xBF\xEE\x80\x80", true},
        {"\x80", false},
        {"\xC3", false},
        {"\xC3(", false},
        {"\xC0\xAF", false},         /* overlong */
        {"\xC1\xBF", false},         /* overlong */
        {"\xE0\x9F\xBF", false},     /* overlong */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"\xE2\x82", false},
        {"\xF0\x9F\x91", false},
        {"12345678\x80", false},
        {"1234567\xC3\xA4", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(bytes_is_utf8(bytes_of_text(cases[i].text)), cases[i].is_utf8);
}

static void cut_keeps_characters_whole(void **state)
{
    (void)state;
    struct bytes text = BYTES_LITERAL("a\xE2\x82\xAC"
                                      "b");
    static const size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t max = 0; max < sizeof(expected) / sizeof(*expected); max++)
        assert_int_equal(bytes_cut_utf8(text, max).len, expected[max]);
}

static void int64_is_read_to_its_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-1001234567890", -1001234567890},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        int64_t value = 1;
        assert_true(bytes_get_int64(bytes_of_text(good[i].text), &value));
        assert_true(value == good[i].value);
    }
}

static void anything_but_an_int64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int64_t value = 42;
        assert_false(bytes_get_int64(bytes_of_text(bad[i]), &value));
        assert_int_equal(value, 42);
    }
}

static void equality_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(bytes_equal((struct bytes){0}, BYTES_LITERAL("")));
    assert_true(bytes_equal(BYTES_LITERAL("ab"), BYTES_LITERAL("ab")));
    assert_false(bytes_equal(BYTES_LITERAL("ab"), BYTES_LITERAL("aB")));
    assert_false(bytes_equal(BYTES_LITERAL("ab"), BYTES_LITERAL("abc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(cut_keeps_characters_whole),
        cmocka_unit_test(int64_is_read_to_its_limits),
        cmocka_unit_test(anything_but_an_int64_is_refused),
        cmocka_unit_test(equality_compares_all_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
