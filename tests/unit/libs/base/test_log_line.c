#include "libs/base/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define TOKEN "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9"

static struct log_line line;

static const char *end(void)
{
    struct bytes text = log_line_end(&line);
    line.text[text.len] = '\0';
    return line.text;
}

static void logfmt_quotes_only_what_needs_it(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_LOGFMT);
    log_line_text(&line, "level", "info");
    log_line_text(&line, "msg", "event stored");
    log_line_text(&line, "empty", "");
    log_line_text(&line, "none", NULL);
    log_line_text(&line, "odd", "a=\"b\"\\\n\x01");
    log_line_int(&line, "n", INT64_MIN);
    assert_string_equal(end(), "level=info msg=\"event stored\" empty=\"\" none=\"\" "
                               "odd=\"a=\\\"b\\\"\\\\\\n\\u0001\" n=-9223372036854775808\n");
}

static void json_is_one_object(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_JSON);
    log_line_text(&line, "msg", "say \"hi\"\t");
    log_line_int(&line, "n", 5);
    assert_string_equal(end(), "{\"msg\":\"say \\\"hi\\\"\\u0009\",\"n\":5}\n");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_JSON);
    log_line_text(&line, "m", "a\xFF\xC3\xA4\xE2\x82");
    assert_string_equal(end(), "{\"m\":\"a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\"}\n");
}

static void tokens_are_hidden_in_every_value(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_LOGFMT);
    log_line_text(&line, "msg", "x/bot" TOKEN "/y");
    log_line_text(&line, "two", TOKEN " " TOKEN);
    assert_string_equal(end(), "msg=x/bot***/y two=\"*** ***\"\n");
}

/* Whatever the length, the line stays within its bytes and keeps its end; no token shows at the
 * cut. */
static void long_values_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    for (size_t len = 3900; len < 4200; len++) {
        memset(text, 'x', len);
        memcpy(text + len, TOKEN, sizeof(TOKEN));
        log_line_begin(&line, LOG_FORMAT_JSON);
        log_line_text(&line, "m", text);
        log_line_text(&line, "after", "value");
        log_line_int(&line, "n", 1);
        struct bytes all = log_line_end(&line);
        assert_in_range(all.len, 1, LOG_LINE_BYTES);
        assert_memory_equal(all.data + all.len - 2, "}\n", 2);
        assert_true(bytes_is_utf8(all));
        for (size_t i = 1; i < all.len; i++)
            assert_false(all.data[i - 1] == ':' && all.data[i] == 'A');
    }
}

static void field_after_a_cut_is_left_out(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    log_line_begin(&line, LOG_FORMAT_LOGFMT);
    log_line_text(&line, "m", text);
    log_line_int(&line, "n", 1);
    struct bytes all = log_line_end(&line);
    assert_memory_equal(all.data + all.len - 5, "x\xE2\x80\xA6\n", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_quotes_only_what_needs_it),
        cmocka_unit_test(json_is_one_object),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(tokens_are_hidden_in_every_value),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(field_after_a_cut_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
