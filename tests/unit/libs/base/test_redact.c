#include "libs/base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define SECRET "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9"

static void expect(const char *text, const char *expected)
{
    char work[256];
    size_t len = strlen(text);
    memcpy(work, text, len);
    len = redact_tokens(work, len);
    work[len] = '\0';
    assert_string_equal(work, expected);
}

static void tokens_are_hidden_wherever_they_stand(void **state)
{
    (void)state;
    expect("123456:" SECRET, "***");
    expect("/bot123456789:" SECRET "/getMe", "/bot***/getMe");
    expect("a 123456:" SECRET " b 7654321:" SECRET, "a *** b ***");
    expect("/bot123456%3A" SECRET, "/bot***");
    expect("/bot123456%3a" SECRET "?x", "/bot***?x");
    expect("123456:" SECRET "more_of-it", "***");
}

static void a_token_right_behind_another_text_of_its_form_is_hidden(void **state)
{
    (void)state;
    expect("111111:aaaaaaaaaaaaaaaaaaaaaaaaaaaaa123456:" SECRET "/x", "***/x");
    expect("111111:" SECRET "123456%3A" SECRET " y", "*** y");
    expect("111111:" SECRET ":", "***");
}

static void other_text_stays(void **state)
{
    (void)state;
    expect("", "");
    expect("12:30:59 and 127.0.0.1:9092", "12:30:59 and 127.0.0.1:9092");
    expect("12345:" SECRET "!", "12345:" SECRET "!"); /* five digits are no bot */
    expect("123456:short!", "123456:short!");
    expect("123456 :" SECRET, "123456 :" SECRET);
}

static void token_cut_by_the_end_is_hidden(void **state)
{
    (void)state;
    expect("123456:AAHdq", "***");
    expect("x 123456:A", "x ***");
    expect("x 123456:", "x 123456:");
}

static void token_len_needs_a_whole_token(void **state)
{
    (void)state;
    assert_int_equal(redact_token_len("123456:" SECRET, 42), 42);
    assert_int_equal(redact_token_len("123456:" SECRET, 41), 0);
    assert_int_equal(redact_token_len("x", 1), 0);
    assert_int_equal(redact_token_len("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_hidden_wherever_they_stand),
        cmocka_unit_test(a_token_right_behind_another_text_of_its_form_is_hidden),
        cmocka_unit_test(other_text_stays),
        cmocka_unit_test(token_cut_by_the_end_is_hidden),
        cmocka_unit_test(token_len_needs_a_whole_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
