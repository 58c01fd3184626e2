#include "libs/http/chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BODY_MAX 64

struct outcome {
    enum http_parse result;
    int status;
    size_t used;
    struct buf body;
};

static struct outcome decode(const char *text, size_t piece)
{
    struct http_chunks chunks;
    http_chunks_init(&chunks);
    struct outcome outcome = {.result = HTTP_PARSE_MORE};
    buf_init(&outcome.body, BODY_MAX);
    size_t len = strlen(text);
    while (outcome.used < len && outcome.result == HTTP_PARSE_MORE) {
        size_t left = len - outcome.used;
        struct bytes data = {text + outcome.used, left < piece ? left : piece};
        size_t used = 0;
        outcome.result = http_chunks_run(&chunks, data, &outcome.body, &used);
        outcome.used += used;
    }
    outcome.status = chunks.status;
    return outcome;
}

/* However it is cut into pieces, the outcome is the same. */
static void expect(const char *text, enum http_parse result, const char *body)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        struct outcome outcome = decode(text, piece);
        assert_int_equal(outcome.result, result);
        assert_true(bytes_equal(buf_bytes(&outcome.body), bytes_of_text(body)));
        buf_done(&outcome.body);
    }
}

static void assert_refused(const char *text, int status)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        struct outcome outcome = decode(text, piece);
        if (outcome.result != HTTP_PARSE_REFUSED || outcome.status != status)
            fail_msg("\"%s\": %d, not %d", text, outcome.status, status);
        buf_done(&outcome.body);
    }
}

static void chunks_make_a_body(void **state)
{
    (void)state;
    expect("0\r\n\r\n", HTTP_PARSE_DONE, "");
    expect("5\r\nhello\r\n0\r\n\r\n", HTTP_PARSE_DONE, "hello");
    expect("5\r\nhello\r\n0000B\r\n, \r\nworld\r\n\r\n000\r\n\r\n", HTTP_PARSE_DONE,
           "hello, \r\nworld\r\n");
    expect("a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", HTTP_PARSE_DONE, "0123456789x");
}

static void incomplete_bodies_wait(void **state)
{
    (void)state;
    expect("5", HTTP_PARSE_MORE, "");
    expect("5\r\nhel", HTTP_PARSE_MORE, "hel");
    expect("5\r\nhello\r\n0\r\n\r", HTTP_PARSE_MORE, "hello");
}

static void extensions_and_trailers_are_ignored(void **state)
{
    (void)state;
    expect("5;name=\"va lue\"\r\nhello\r\n0;x\r\nX-Sum: 1 2\r\nY:\r\n\r\n", HTTP_PARSE_DONE,
           "hello");
}

static void bytes_behind_the_body_are_left(void **state)
{
    (void)state;
    struct outcome outcome = decode("1\r\nx\r\n0\r\n\r\nGET / ", 100);
    assert_int_equal(outcome.result, HTTP_PARSE_DONE);
    assert_int_equal(outcome.used, strlen("1\r\nx\r\n0\r\n\r\n"));
    buf_done(&outcome.body);
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        "x\r\n",
        " 5\r\n",
        "5 \r\n",
        "+5\r\n",
        "-1\r\n",
        "0x5\r\n",
        "5\n",
        "5\rx",
        ";a\r\n",
        "5;a\n",
        "5;a\x01",
        "5;a\x7F",
        "5\r\nhelloX",
        "5\r\nhello\n",
        "5\r\nhello\rX",
        "1ffffffffffffffff\r\n",
        "0\r\n\n",
        "0\r\nX-Sum\r\n",
        "0\r\n X: 1\r\n",
        "0\r\nX: 1\n",
        "0\r\nX: 1\rY",
        "0\r\n\rX",
        "0\r\n: 1\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused(bad[i], 400);
}

static void bodies_beyond_the_maximum_are_refused_before_they_come(void **state)
{
    (void)state;
    assert_refused("41\r\n", 413);
    assert_refused("ffffffffffffffff\r\n", 413);
    assert_refused("3\r\nabc\r\n3E\r\n", 413);
}

static void endless_overhead_is_refused(void **state)
{
    (void)state;
    char text[6000];
    memset(text, '0', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct outcome zeros = decode(text, sizeof(text));
    assert_int_equal(zeros.result, HTTP_PARSE_REFUSED);
    assert_true(zeros.used < 300);
    buf_done(&zeros.body);

    text[1] = ';';
    struct outcome extension = decode(text, sizeof(text));
    assert_int_equal(extension.result, HTTP_PARSE_REFUSED);
    assert_true(extension.used < 300);
    buf_done(&extension.body);

    memcpy(text, "0\r\nX:", 5);
    struct outcome trailer = decode(text, sizeof(text));
    assert_int_equal(trailer.result, HTTP_PARSE_REFUSED);
    assert_true(trailer.used < 5000);
    buf_done(&trailer.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_make_a_body),
        cmocka_unit_test(incomplete_bodies_wait),
        cmocka_unit_test(extensions_and_trailers_are_ignored),
        cmocka_unit_test(bytes_behind_the_body_are_left),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(bodies_beyond_the_maximum_are_refused_before_they_come),
        cmocka_unit_test(endless_overhead_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
