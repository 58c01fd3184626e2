#include "libs/rpc/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void timeouts_of_every_unit_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1H", 3600000},
        {"2M", 120000},
        {"3S", 3000},
        {"4m", 4},
        {"5u", 1},
        {"1000u", 1},
        {"1001u", 2},
        {"1n", 1},
        {"1000000n", 1},
        {"1000001n", 2},
        {"0S", 0},
        {"0n", 0},
        {"00000001S", 1000},
        {"99999999m", 99999999},
        {"99999999H", INT64_C(359999996400000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -7;
        assert_true(rpc_timeout_parse(bytes_of_text(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void anything_else_is_no_timeout(void **state)
{
    (void)state;
    static const char *const CASES[] = {"",    "S",   "1",   "10",  "1s",         "1h",   "-1S",
                                        "+1S", "1 S", " 1S", "1S ", "123456789S", "1.5S", "0x1S"};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        int64_t ms = -7;
        assert_false(rpc_timeout_parse(bytes_of_text(CASES[i]), &ms));
        assert_int_equal(ms, -7);
    }
}

static void assert_encodes(struct bytes text, const char *expected)
{
    char *encoded = rpc_percent_encode(text);
    assert_string_equal(encoded, expected);
    free(encoded);
}

static void only_printable_ascii_stays(void **state)
{
    (void)state;
    assert_encodes(BYTES_LITERAL(""), "");
    assert_encodes(BYTES_LITERAL("plain ~!"), "plain ~!");
    assert_encodes(BYTES_LITERAL("100%"), "100%25");
    assert_encodes(BYTES_LITERAL("a\r\nb\0c\x7f"), "a%0D%0Ab%00c%7F");
    assert_encodes(BYTES_LITERAL("\xc3\xa4"), "%C3%A4");
}

static void long_messages_are_cut_between_characters(void **state)
{
    (void)state;
    char text[RPC_STATUS_TEXT_MAX + 10];
    memset(text, 'a', sizeof(text));
    memcpy(text + RPC_STATUS_TEXT_MAX - 1, "\xc3\xa4", 2);
    char *encoded = rpc_percent_encode((struct bytes){text, sizeof(text)});
    assert_int_equal(strlen(encoded), RPC_STATUS_TEXT_MAX - 1);
    free(encoded);

    memset(text, '\x80', sizeof(text)); /* no characters at all */
    encoded = rpc_percent_encode((struct bytes){text, sizeof(text)});
    assert_in_range(strlen(encoded), 3 * (RPC_STATUS_TEXT_MAX - 4), 3 * RPC_STATUS_TEXT_MAX);
    free(encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_of_every_unit_are_read),
        cmocka_unit_test(anything_else_is_no_timeout),
        cmocka_unit_test(only_printable_ascii_stays),
        cmocka_unit_test(long_messages_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
