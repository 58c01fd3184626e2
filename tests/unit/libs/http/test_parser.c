#include "libs/http/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http_parser parser;

/* The same head at once and byte by byte must give the same result. */
static enum http_parse parse(const char *text)
{
    size_t len = strlen(text);
    http_parser_init(&parser);
    enum http_parse by_bytes = HTTP_PARSE_MORE;
    for (size_t i = 1; i <= len && by_bytes == HTTP_PARSE_MORE; i++)
        by_bytes = http_parser_run(&parser, (struct bytes){text, i});
    struct http_parser slow = parser;

    http_parser_init(&parser);
    enum http_parse at_once = http_parser_run(&parser, (struct bytes){text, len});
    assert_int_equal(at_once, by_bytes);
    assert_int_equal(parser.status, slow.status);
    assert_int_equal(parser.head_len, slow.head_len);
    assert_int_equal(parser.head.length, slow.head.length);
    return at_once;
}

static void assert_refused(const char *text, int status)
{
    if (parse(text) != HTTP_PARSE_REFUSED || parser.status != status)
        fail_msg("\"%s\": %d, not %d", text, parser.status, status);
}

#define LINE "POST /hook HTTP/1.1\r\n"
#define START LINE "Host: a\r\n"

static void whole_head_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "POST /hook/x?a=b?c HTTP/1.1\r\nHost: example.org:80\r\n"
        "content-length:  42 \t\r\nX-Empty:\r\nX-Text: a b\tc\xC3\xA4\r\n\r\n";
    assert_int_equal(parse(text), HTTP_PARSE_DONE);
    const struct http_head *head = &parser.head;
    assert_true(bytes_equal(head->method, BYTES_LITERAL("POST")));
    assert_true(bytes_equal(head->path, BYTES_LITERAL("/hook/x")));
    assert_true(bytes_equal(head->query, BYTES_LITERAL("a=b?c")));
    assert_int_equal(head->field_count, 4);
    assert_true(bytes_equal(head->fields[1].name, BYTES_LITERAL("content-length")));
    assert_true(bytes_equal(head->fields[2].value, BYTES_LITERAL("")));
    assert_true(bytes_equal(head->fields[3].value, BYTES_LITERAL("a b\tc\xC3\xA4")));
    assert_true(head->has_length);
    assert_int_equal(head->length, 42);
    assert_true(head->is_keep_alive);
    assert_false(head->is_chunked || head->expects_continue || head->is_http_1_0);
    assert_int_equal(parser.head_len, sizeof(text) - 1);
}

static void bytes_behind_the_head_are_left(void **state)
{
    (void)state;
    http_parser_init(&parser);
    struct bytes data = BYTES_LITERAL(START "\r\nbody\r\n\r\n");
    assert_int_equal(http_parser_run(&parser, data), HTTP_PARSE_DONE);
    assert_int_equal(parser.head_len, strlen(START) + 2);
}

static void incomplete_heads_wait(void **state)
{
    (void)state;
    assert_int_equal(parse(""), HTTP_PARSE_MORE);
    assert_int_equal(parse("P"), HTTP_PARSE_MORE);
    assert_int_equal(parse(LINE), HTTP_PARSE_MORE);
    assert_int_equal(parse(START "\r"), HTTP_PARSE_MORE);
}

static void parser_may_be_used_again(void **state)
{
    (void)state;
    assert_int_equal(parse(START "Transfer-Encoding: chunked\r\nConnection: close\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                     HTTP_PARSE_DONE);
    assert_true(parser.head.is_chunked && parser.head.expects_continue);
    assert_false(parser.head.is_keep_alive);
    assert_int_equal(parse(START "\r\n"), HTTP_PARSE_DONE);
    assert_false(parser.head.is_chunked || parser.head.has_length || parser.head.expects_continue);
    assert_true(parser.head.is_keep_alive);
}

static void connection_options_are_a_list(void **state)
{
    (void)state;
    assert_int_equal(parse(START "Connection: x, CLOSE ,y\r\n\r\n"), HTTP_PARSE_DONE);
    assert_false(parser.head.is_keep_alive);
    assert_int_equal(parse(START "Connection: close\r\nConnection: keep-alive\r\n\r\n"),
                     HTTP_PARSE_DONE);
    assert_false(parser.head.is_keep_alive);
    assert_int_equal(parse(START "Connection: closed\r\n\r\n"), HTTP_PARSE_DONE);
    assert_true(parser.head.is_keep_alive);
}

static void http_1_0_closes(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HTTP_PARSE_DONE);
    assert_true(parser.head.is_http_1_0);
    assert_false(parser.head.is_keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), HTTP_PARSE_DONE);
    assert_false(parser.head.expects_continue);
    assert_refused("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400);
}

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        " GET / HTTP/1.1\r\n",
        "GET\r\n",
        "GET /\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET /\tHTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1\r\n",
        "GET / HTTP/11.1\r\n",
        "GET / HTTP/1.x\r\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\r\n",
        "GE(T / HTTP/1.1\r\n",
        "GET example.org HTTP/1.1\r\n",
        "GET http://example.org/ HTTP/1.1\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "GET /a#b HTTP/1.1\r\n",
        "GET /\x7F HTTP/1.1\r\n",
        "GET /\xC3\xA4 HTTP/1.1\r\n",
        "GET /a\rb HTTP/1.1\r\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n",
        "\x16\x03\x01", /* TLS */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused(bad[i], 400);
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    assert_refused("PRI * HTTP/2.0\r\n", 505);
    assert_refused("GET / HTTP/1.2\r\n", 505);
    assert_refused("GET / HTTP/0.9\r\n", 505);
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        START "X : a\r\n",      START "X\t: a\r\n",      START " X: a\r\n",
        START "X: a\r\n b\r\n", START "X: a\r\n\tb\r\n", START ": a\r\n",
        START "X\r\n",          START "X: a\n",          START "X: a\rb\r\n",
        START "X: a\x01\r\n",   START "X: a\x7F\r\n",    START "X\xC3\xA4: a\r\n",
        START "X: a\r\n\n",     START "X: \r\r\n",       START "X(Y): a\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused(bad[i], 400);
}

static void nul_in_a_field_is_refused(void **state)
{
    (void)state;
    http_parser_init(&parser);
    struct bytes data = BYTES_LITERAL(START "X: a\0b\r\n\r\n");
    assert_int_equal(http_parser_run(&parser, data), HTTP_PARSE_REFUSED);
    assert_int_equal(parser.status, 400);
}

static void ambiguous_framing_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        START "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        START "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        START "Content-Length: 5, 5\r\n\r\n",
        START "Content-Length: +5\r\n\r\n",
        START "Content-Length: -5\r\n\r\n",
        START "Content-Length: 5 5\r\n\r\n",
        START "Content-Length: 0x5\r\n\r\n",
        START "Content-Length: 5.0\r\n\r\n",
        START "Content-Length:\r\n\r\n",
        START "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        START "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        START "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        START "Transfer-Encoding: xchunked\r\n\r\n",
        START "Transfer-Encoding: chunked, gzip\r\n\r\n",
        START "Transfer-Encoding: identity\r\n\r\n",
        START "Transfer-Encoding: chunked;q=1\r\n\r\n",
        START "Transfer-Encoding: \x0B"
              "chunked\r\n\r\n",
        START "Transfer-Encoding:\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused(bad[i], 400);
    assert_refused(START "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    assert_int_equal(parse(START "transfer-encoding: Chunked\r\n\r\n"), HTTP_PARSE_DONE);
    assert_true(parser.head.is_chunked);
}

static void lengths_beyond_64_bits_stay_large(void **state)
{
    (void)state;
    assert_int_equal(parse(START "Content-Length: 9999999999999999999\r\n\r\n"), HTTP_PARSE_DONE);
    assert_true(parser.head.length == UINT64_C(9999999999999999999));
    assert_int_equal(parse(START "Content-Length: 18446744073709551617\r\n\r\n"), HTTP_PARSE_DONE);
    assert_true(parser.head.length == UINT64_MAX);
}

static void one_host_is_required(void **state)
{
    (void)state;
    assert_refused(LINE "\r\n", 400);
    assert_refused(START "Host: b\r\n\r\n", 400);
}

static void unknown_expectations_are_refused(void **state)
{
    (void)state;
    assert_refused(START "Expect: 200-ok\r\n\r\n", 417);
}

static void fields_have_a_maximum_number(void **state)
{
    (void)state;
    char text[4096] = START;
    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        memcpy(text + strlen(text), "X: a\r\n", sizeof("X: a\r\n"));
    char one_more[4096];
    (void)snprintf(one_more, sizeof(one_more), "%sX: a\r\n", text);
    assert_refused(one_more, 431);
    memcpy(text + strlen(text), "\r\n", sizeof("\r\n"));
    assert_int_equal(parse(text), HTTP_PARSE_DONE);
    assert_int_equal(parser.head.field_count, HTTP_FIELDS_MAX);
}

static void token_characters_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const char tokens[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++)
        assert_int_equal(http_is_token_char((char)c), c != 0 && strchr(tokens, c) != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_head_is_read),
        cmocka_unit_test(bytes_behind_the_head_are_left),
        cmocka_unit_test(incomplete_heads_wait),
        cmocka_unit_test(parser_may_be_used_again),
        cmocka_unit_test(connection_options_are_a_list),
        cmocka_unit_test(http_1_0_closes),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(nul_in_a_field_is_refused),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(lengths_beyond_64_bits_stay_large),
        cmocka_unit_test(one_host_is_required),
        cmocka_unit_test(unknown_expectations_are_refused),
        cmocka_unit_test(fields_have_a_maximum_number),
        cmocka_unit_test(token_characters_are_those_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
