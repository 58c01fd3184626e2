#include "libs/http/server.h"

#include "tests/support/http_bench.h"
#include "tests/support/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void keep_alive_client(void)
{
    int fd = http_client_open(http_bench.port);
    for (int i = 0; i < 3; i++) {
        CHECK(http_client_send_text(fd, "POST /echo?a=b HTTP/1.1\r\n" HOST
                                        "Content-Length: 5\r\n\r\nhello"));
        struct http_client_answer answer = http_client_receive(fd, false);
        CHECK(answer.status == 200);
        CHECK(answer.body_len == 5 && memcmp(answer.body, "hello", 5) == 0);
        CHECK(strstr(answer.head, "\r\nX-Query: a=b\r\n") != NULL);
        CHECK(strstr(answer.head, "\r\nDate: ") != NULL);
        CHECK(strstr(answer.head, "\r\nConnection: close") == NULL);
        http_client_answer_done(&answer);
    }
    http_client_close(fd);
}

static void requests_share_a_connection(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, keep_alive_client);
    assert_int_equal(http_bench.requests, 3);
    assert_int_equal(http_server_refused(http_bench.server), 0);
    http_bench_end();
}

static void send_slowly(int fd, const char *text)
{
    for (; *text != '\0'; text++)
        CHECK(http_client_send(fd, (struct bytes){text, 1}));
}

static void byte_by_byte_client(void)
{
    int fd = http_client_open(http_bench.port);
    send_slowly(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.status == 200 && answer.body_len == 3);
    http_client_answer_done(&answer);

    send_slowly(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n1;x\r\nd\r\n0\r\nX: y\r\n\r\n");
    answer = http_client_receive(fd, false);
    CHECK(answer.status == 200 && answer.body_len == 4 && memcmp(answer.body, "abcd", 4) == 0);
    http_client_answer_done(&answer);
    http_client_close(fd);
}

static void delivery_byte_by_byte_makes_no_difference(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, byte_by_byte_client);
    assert_int_equal(http_bench.requests, 2);
    http_bench_end();
}

#define PIPELINED 300

static void pipeline_client(void)
{
    static char text[PIPELINED * 100];
    size_t len = 0;
    for (int i = 0; i < PIPELINED; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                i % 3 == 0 ? "POST /echo?%d HTTP/1.1\r\n" HOST
                                             "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                                           : "POST /echo?%d HTTP/1.1\r\n" HOST
                                             "Content-Length: 2\r\n\r\nxy",
                                i);
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send(fd, (struct bytes){text, len}));
    for (int i = 0; i < PIPELINED; i++) {
        char field[40];
        (void)snprintf(field, sizeof(field), "\r\nX-Query: %d\r\n", i);
        struct http_client_answer answer = http_client_receive(fd, false);
        CHECK(answer.status == 200 && strstr(answer.head, field) != NULL);
        CHECK(answer.body_len == (i % 3 == 0 ? 1U : 2U));
        http_client_answer_done(&answer);
    }
    http_client_close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, pipeline_client);
    assert_int_equal(http_bench.requests, PIPELINED);
    http_bench_end();
}

static void pipeline_behind_later_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, GET_LATER GET_ECHO));
    (void)sem_wait(&http_bench.later_came);
    CHECK(http_client_send_text(fd, GET_ECHO));
    CHECK(http_client_is_silent(fd));
    loop_post(http_bench.loop, http_bench_answer_all_later, NULL);
    CHECK(http_client_status(fd) == 202);
    CHECK(http_client_status(fd) == 200);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void later_answers_keep_the_order(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, pipeline_behind_later_client);
    assert_int_equal(http_bench.requests, 3);
    http_bench_end();
}

/* Lengths around the place where a body no longer fits behind its head. */
static void body_sizes_client(void)
{
    static char body[20000];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('a' + i % 26);
    int fd = http_client_open(http_bench.port);
    for (size_t len = 9000; len < 9300; len++) {
        char head[100];
        (void)snprintf(head, sizeof(head),
                       "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", len);
        CHECK(http_client_send_text(fd, head) && http_client_send(fd, (struct bytes){body, len}));
        struct http_client_answer answer = http_client_receive(fd, false);
        CHECK(answer.body_len == len && memcmp(answer.body, body, len) == 0);
        http_client_answer_done(&answer);
    }
    http_client_close(fd);
}

static void bodies_of_any_length_arrive_whole(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, body_sizes_client);
    assert_int_equal(http_bench.requests, 300);
    http_bench_end();
}

static void largest_body_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd,
                                "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n"));
    CHECK(http_client_send(fd, (struct bytes){http_bench_big, 1 << 20}));
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.body_len == 1 << 20 && memcmp(answer.body, http_bench_big, 1 << 20) == 0);
    http_client_answer_done(&answer);
    http_bench_check_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413);
    http_client_close(fd);
}

static void body_may_fill_its_limit(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, largest_body_client);
    assert_int_equal(http_bench.requests, 1);
    http_bench_end();
}

static void huge_client(void)
{
    static char head[10000];
    memset(head, 'x', sizeof(head) - 1);
    memcpy(head, GET_ECHO "X: ", strlen(GET_ECHO) - 2);
    http_bench_check_refused(head, 431);
    memcpy(head, "GET /", 5);
    http_bench_check_refused(head, 431);
    http_bench_check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 2147483648\r\n\r\n", 413);
    http_bench_check_refused(
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413);
    http_bench_check_refused(
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413);
}

static void huge_requests_are_refused_unread(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, huge_client);
    assert_int_equal(http_bench.requests, 0);
    assert_int_equal(http_server_refused(http_bench.server), 5);
    http_bench_end();
}

static void endless_client(void)
{
    static char chunk[10005] = "2710\r\n";
    memset(chunk + 6, 'x', 9995);
    int fd = http_client_open(http_bench.port);
    CHECK(
        http_client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    int sent = 0;
    while (sent < 1000 && http_client_is_silent(fd)) {
        (void)http_client_send_text(fd, "2710\r\n");
        (void)http_client_send(fd, (struct bytes){http_bench_big, 10000});
        (void)http_client_send_text(fd, "\r\n");
        sent++;
    }
    CHECK(sent >= 104 && sent < 1000);
    CHECK(http_client_status(fd) == 413);
    http_client_close(fd);
}

static void endless_chunks_are_cut_off(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, endless_client);
    assert_int_equal(http_bench.requests, 0);
    http_bench_end();
}

static void malformed_client(void)
{
    http_bench_check_refused(
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400);
    http_bench_check_refused(
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    http_bench_check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
                             400);
    http_bench_check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
                             501);
    http_bench_check_refused("POST / HTTP/1.1\r\n" HOST "Expect: a miracle\r\n\r\n", 417);
    http_bench_check_refused("GET / HTTP/2.0\r\n", 505);
    http_bench_check_refused("GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400);
    http_bench_check_refused("GET / HTTP/1.1\nHost: a\n\n", 400);
    http_bench_check_refused("\x16\x03\x01", 400);
}

static void malformed_requests_are_refused_and_closed(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, malformed_client);
    assert_int_equal(http_bench.requests, 0);
    assert_int_equal(http_server_refused(http_bench.server), 9);
    http_bench_end();
}

static void closing_client(void)
{
    http_bench_check_refused("GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200);
    http_bench_check_refused("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
    http_bench_check_refused(
        "POST /echo HTTP/1.1\r\n" HOST "X-Refuse: 1\r\nContent-Length: 5\r\n\r\nhello", 401);
    http_bench_check_refused(
        "POST /echo HTTP/1.1\r\n" HOST "X-Refuse: 1\r\nContent-Length: 5000\r\n\r\nhe", 401);
}

static void connections_close_when_they_should(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, closing_client);
    assert_int_equal(http_bench.requests, 2);
    assert_int_equal(http_server_refused(http_bench.server), 0);
    http_bench_end();
}

static void continue_client(void)
{
    int fd = http_client_open(http_bench.port);
    char interim[26] = {0};
    CHECK(http_client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST
                                    "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    for (size_t i = 0; i < 25; i++)
        CHECK(read(fd, interim + i, 1) == 1);
    CHECK(strcmp(interim, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    CHECK(http_bench_status_of(fd, "ok") == 200);
    http_client_close(fd);
    http_bench_check_refused("POST /echo HTTP/1.1\r\n" HOST
                             "Expect: 100-continue\r\nX-Refuse: 1\r\n"
                             "Content-Length: 2\r\n\r\n",
                             401);
}

static void continue_is_said_when_the_body_is_wanted(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, continue_client);
    assert_int_equal(http_bench.requests, 1);
    http_bench_end();
}

static void head_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, "HEAD /http_bench_big HTTP/1.1\r\n" HOST "\r\n" GET_ECHO));
    struct http_client_answer answer = http_client_receive(fd, true);
    CHECK(answer.status == 200 && strstr(answer.head, "\r\nContent-Length: 8388608\r\n") != NULL);
    http_client_answer_done(&answer);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void head_requests_get_no_body(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, head_client);
    http_bench_end();
}

static void big_answer_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, "GET /http_bench_big HTTP/1.1\r\n" HOST "\r\n" GET_ECHO));
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.status == 200 && answer.body_len == HTTP_BENCH_BIG_LEN);
    CHECK(memcmp(answer.body, http_bench_big, HTTP_BENCH_BIG_LEN) == 0);
    http_client_answer_done(&answer);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void answers_larger_than_the_kernel_takes_arrive(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, big_answer_client);
    http_bench_end();
}

static void fields_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd,
                                "GET /fields HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nx-one:\r\n\r\n"));
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.body != NULL && strcmp(answer.body, "Host=a;X-One=1;x-one=;") == 0);
    http_client_answer_done(&answer);
    http_client_close(fd);
}

static void all_fields_can_be_read(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, fields_client);
    http_bench_end();
}

static void unusable_address_is_told(void **state)
{
    (void)state;
    const struct http_handler handler = {0};
    struct loop *loop = loop_new();
    struct http_server *server = NULL;
    struct err err = {0};
    assert_false(http_server_open(loop, "nonsense", &HTTP_BENCH_LIMITS, &handler, &server, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(server);
    http_server_free(server);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_share_a_connection),
        cmocka_unit_test(delivery_byte_by_byte_makes_no_difference),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(later_answers_keep_the_order),
        cmocka_unit_test(bodies_of_any_length_arrive_whole),
        cmocka_unit_test(body_may_fill_its_limit),
        cmocka_unit_test(huge_requests_are_refused_unread),
        cmocka_unit_test(endless_chunks_are_cut_off),
        cmocka_unit_test(malformed_requests_are_refused_and_closed),
        cmocka_unit_test(connections_close_when_they_should),
        cmocka_unit_test(continue_is_said_when_the_body_is_wanted),
        cmocka_unit_test(head_requests_get_no_body),
        cmocka_unit_test(answers_larger_than_the_kernel_takes_arrive),
        cmocka_unit_test(all_fields_can_be_read),
        cmocka_unit_test(unusable_address_is_told),
    };
    return cmocka_run_group_tests(tests, http_bench_make_big, http_bench_free_big);
}
