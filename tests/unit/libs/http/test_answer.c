#include "libs/http/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DATE "Thu, 01 Jan 1970 00:00:00 GMT"

static void expect(struct answer answer, const char *expected)
{
    struct buf out;
    buf_init(&out, 1000);
    answer.date = BYTES_LITERAL(DATE);
    assert_true(answer_format(&answer, &out));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    buf_done(&out);
}

static void answers_say_their_length(void **state)
{
    (void)state;
    expect((struct answer){.status = 200},
           "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n");
    expect((struct answer){.status = 503, .body_len = 1234567890, .closes = true},
           "HTTP/1.1 503 Service Unavailable\r\nDate: " DATE
           "\r\nContent-Length: 1234567890\r\nConnection: close\r\n\r\n");
}

static void bodyless_statuses_say_no_length(void **state)
{
    (void)state;
    expect((struct answer){.status = 204}, "HTTP/1.1 204 No Content\r\nDate: " DATE "\r\n\r\n");
    assert_true(answer_is_bodyless(304));
    assert_false(answer_is_bodyless(200));
}

static void unknown_statuses_have_no_reason(void **state)
{
    (void)state;
    expect((struct answer){.status = 599},
           "HTTP/1.1 599 \r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n");
}

static void fields_are_added_unless_they_break_the_line(void **state)
{
    (void)state;
    const struct http_field fields[] = {
        {"Retry-After", BYTES_LITERAL("5")},
        {"X-Bad", BYTES_LITERAL("a\r\nX-Evil: 1")},
        {"X-Bad\n", BYTES_LITERAL("a")},
        {"X-Empty", {NULL, 0}},
    };
    expect((struct answer){.status = 200, .fields = fields, .field_count = 4},
           "HTTP/1.1 200 OK\r\nDate: " DATE
           "\r\nContent-Length: 0\r\nRetry-After: 5\r\nX-Empty: \r\n\r\n");
}

static void too_small_a_buffer_is_told(void **state)
{
    (void)state;
    struct answer answer = {.status = 200, .date = BYTES_LITERAL(DATE), .closes = true};
    for (size_t max = 0; max < 40; max++) {
        struct buf out;
        buf_init(&out, max);
        assert_false(answer_format(&answer, &out));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_say_their_length),
        cmocka_unit_test(bodyless_statuses_say_no_length),
        cmocka_unit_test(unknown_statuses_have_no_reason),
        cmocka_unit_test(fields_are_added_unless_they_break_the_line),
        cmocka_unit_test(too_small_a_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
