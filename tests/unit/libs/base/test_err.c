#include "libs/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9"

static void setting_keeps_kind_and_text_and_returns_false(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set(&err, ERR_REJECT, "row %d is bad", 7));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.text, "row 7 is bad");
}

static void prefix_stands_before_the_text(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_RETRY, "connection lost");
    assert_false(err_prefix(&err, "apply update %d", 5));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.text, "apply update 5: connection lost");
}

static void line_breaks_become_spaces(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_RETRY, "first\nsecond\r\n");
    assert_string_equal(err.text, "first second");
}

static void own_text_may_be_an_argument(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_RETRY, "inner");
    err_set(&err, ERR_FATAL, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[400];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[398] = '\0';
    struct err err = {0};
    err_set(&err, ERR_RETRY, "%s", text);
    assert_int_equal(strlen(err.text), 254);
    err_prefix(&err, "x");
    assert_int_equal(strlen(err.text), 255);
}

static void tokens_never_reach_the_text(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_RETRY, "GET https://host/bot" TOKEN "/getMe failed");
    assert_string_equal(err.text, "GET https://host/bot***/getMe failed");
}

static void token_is_hidden_where_the_text_is_cut(void **state)
{
    (void)state;
    char text[1100];
    struct err err = {0};
    for (size_t padding = 200; padding < 1030; padding++) {
        memset(text, '.', padding);
        memcpy(text + padding, TOKEN, sizeof(TOKEN));
        err_set(&err, ERR_RETRY, "%s", text);
        assert_null(strstr(err.text, ":A"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_keeps_kind_and_text_and_returns_false),
        cmocka_unit_test(prefix_stands_before_the_text),
        cmocka_unit_test(line_breaks_become_spaces),
        cmocka_unit_test(own_text_may_be_an_argument),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(tokens_never_reach_the_text),
        cmocka_unit_test(token_is_hidden_where_the_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
