/* server: connections that are slow, idle, gone, or too many; and its end. */
#include "libs/http/server.h"

#include "tests/support/http_bench.h"
#include "tests/support/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void slow_client(void)
{
    int head = http_client_open(http_bench.port);
    int body = http_client_open(http_bench.port);
    CHECK(http_client_send_text(head, "GET / HT"));
    CHECK(http_client_send_text(body, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"));
    /* What still comes in does not move the deadline. */
    while (http_client_is_silent(head))
        (void)http_client_send(head, BYTES_LITERAL("x"));
    CHECK(http_client_status(head) == 408);
    CHECK(http_client_status(body) == 408);
    CHECK(http_client_is_ended(body));
    http_client_close(head);
    http_client_close(body);
}

static void slow_requests_end_at_their_deadline(void **state)
{
    (void)state;
    struct http_limits limits = HTTP_BENCH_LIMITS;
    limits.request_deadline_ms = 50;
    limits.head_max = 8 << 20;
    http_bench_serve(&limits, slow_client);
    assert_int_equal(http_bench.requests, 0);
    assert_int_equal(http_server_refused(http_bench.server), 2);
    http_bench_end();
}

static void idle_client(void)
{
    int fresh = http_client_open(http_bench.port);
    int used = http_client_open(http_bench.port);
    CHECK(http_bench_status_of(used, GET_ECHO) == 200);
    CHECK(http_client_is_ended(fresh));
    CHECK(http_client_is_ended(used));
    http_client_close(fresh);
    http_client_close(used);
}

static void idle_connections_end_without_a_word(void **state)
{
    (void)state;
    struct http_limits limits = HTTP_BENCH_LIMITS;
    limits.idle_ms = 50;
    http_bench_serve(&limits, idle_client);
    assert_int_equal(http_server_refused(http_bench.server), 0);
    http_bench_end();
}

static void reset_while_answered_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, "GET /http_bench_big HTTP/1.1\r\n" HOST "\r\n"));
    while (http_client_is_silent(fd))
        continue;
    http_client_reset(fd);
    http_bench_wait_for_connections(0);
}

static void clients_that_vanish_while_answered_are_dropped(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, reset_while_answered_client);
    assert_int_equal(http_server_refused(http_bench.server), 0);
    http_bench_end();
}

static void reset_later_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, GET_LATER GET_ECHO));
    (void)sem_wait(&http_bench.later_came);
    http_client_reset(fd);
    loop_post(http_bench.loop, http_bench_answer_all_later, NULL);
    http_bench_wait_for_connections(0);
}

static void a_reset_ends_what_was_pipelined(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, reset_later_client);
    http_bench_end();
}

static void deaf_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, "GET /http_bench_big HTTP/1.1\r\n" HOST "\r\n"));
    http_bench_wait_for_connections(1);
    http_bench_wait_for_connections(0);
    http_client_close(fd);
}

static void clients_that_do_not_read_are_dropped(void **state)
{
    (void)state;
    struct http_limits limits = HTTP_BENCH_LIMITS;
    limits.write_deadline_ms = 50;
    http_bench_serve(&limits, deaf_client);
    assert_int_equal(http_server_refused(http_bench.server), 1);
    http_bench_end();
}

static void cap_client(void)
{
    int a = http_client_open(http_bench.port);
    int b = http_client_open(http_bench.port);
    CHECK(http_client_send_text(a, GET_LATER));
    CHECK(http_client_send_text(b, GET_LATER));
    (void)sem_wait(&http_bench.later_came);
    (void)sem_wait(&http_bench.later_came);
    int c = http_client_open(http_bench.port); /* accepted by the kernel only */
    CHECK(http_client_send_text(c, GET_ECHO));
    CHECK(http_client_is_silent(c));
    loop_post(http_bench.loop, http_bench_answer_all_later, NULL);
    CHECK(http_client_status(a) == 202);
    CHECK(http_client_status(b) == 202);
    CHECK(http_client_status(c) == 200);
    http_client_close(a);
    http_client_close(b);
    http_client_close(c);
    http_bench_wait_for_connections(0);
}

static void connections_beyond_the_cap_wait(void **state)
{
    (void)state;
    struct http_limits limits = HTTP_BENCH_LIMITS;
    limits.max_connections = 2;
    http_bench_serve(&limits, cap_client);
    assert_int_equal(http_bench.requests, 3);
    http_bench_end();
}

static void room_client(void)
{
    int a = http_client_open(http_bench.port);
    int b = http_client_open(http_bench.port);
    CHECK(http_bench_status_of(a, GET_ECHO) == 200);
    CHECK(http_bench_status_of(b, GET_ECHO) == 200);
    int c = http_client_open(http_bench.port);
    CHECK(http_bench_status_of(c, GET_ECHO) == 200);
    CHECK(http_bench_status_of(b, GET_ECHO) == 200); /* a was idle for longer */
    CHECK(http_client_is_ended(a));
    http_client_close(a);
    http_client_close(b);
    http_client_close(c);
    http_bench_wait_for_connections(0);
}

static void the_idlest_connection_makes_room_at_the_cap(void **state)
{
    (void)state;
    struct http_limits limits = HTTP_BENCH_LIMITS;
    limits.max_connections = 2;
    http_bench_serve(&limits, room_client);
    assert_int_equal(http_bench.requests, 4);
    http_bench_end();
}

static void vanishing_client(void)
{
    int reset = http_client_open(http_bench.port);
    int closed = http_client_open(http_bench.port);
    CHECK(http_client_send_text(reset, GET_LATER));
    CHECK(http_client_send_text(closed, GET_LATER));
    (void)sem_wait(&http_bench.later_came);
    (void)sem_wait(&http_bench.later_came);
    http_client_reset(reset);
    http_client_close(closed);
    int other = http_client_open(http_bench.port);
    CHECK(http_bench_status_of(other, GET_ECHO) == 200);
    loop_post(http_bench.loop, http_bench_answer_all_later, NULL);
    CHECK(http_bench_status_of(other, GET_ECHO) == 200);
    http_client_close(other);
    http_bench_wait_for_connections(0);
}

static void exchanges_outlive_their_clients(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, vanishing_client);
    assert_int_equal(http_server_refused(http_bench.server), 0);
    http_bench_end();
}

static void drain_client(void)
{
    int idle = http_client_open(http_bench.port);
    int later = http_client_open(http_bench.port);
    int half = http_client_open(http_bench.port);
    CHECK(http_bench_status_of(idle, GET_ECHO) == 200);
    CHECK(http_bench_status_of(half, GET_ECHO "GET /echo") == 200);
    CHECK(http_client_send_text(later, GET_LATER));
    (void)sem_wait(&http_bench.later_came);
    loop_post(http_bench.loop, http_bench_drain, NULL);
    CHECK(http_client_is_ended(idle));
    CHECK(http_client_open(http_bench.port) < 0);

    CHECK(http_client_send_text(half, " HTTP/1.1\r\n" HOST "\r\n"));
    struct http_client_answer answer = http_client_receive(half, false);
    CHECK(answer.status == 200 && strstr(answer.head, "\r\nConnection: close\r\n") != NULL);
    http_client_answer_done(&answer);
    CHECK(http_client_is_ended(half));

    loop_post(http_bench.loop, http_bench_answer_all_later, NULL);
    CHECK(http_client_status(later) == 202);
    CHECK(http_client_is_ended(later));
    http_bench_wait_for_connections(0);
    http_client_close(idle);
    http_client_close(half);
    http_client_close(later);
}

static void draining_finishes_what_is_owed(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, drain_client);
    http_bench_end();
}

static void abandoned_client(void)
{
    int fd = http_client_open(http_bench.port);
    CHECK(http_client_send_text(fd, GET_LATER));
    (void)sem_wait(&http_bench.later_came);
    http_client_close(fd);
}

static void exchanges_outlive_their_server(void **state)
{
    (void)state;
    http_bench_serve(&HTTP_BENCH_LIMITS, abandoned_client);
    http_bench_end();
    assert_int_equal(http_bench.later_count, 1);
    assert_true(bytes_equal(http_path(http_bench.later[0]), BYTES_LITERAL("/later")));
    http_bench_answer_all_later(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_requests_end_at_their_deadline),
        cmocka_unit_test(idle_connections_end_without_a_word),
        cmocka_unit_test(clients_that_vanish_while_answered_are_dropped),
        cmocka_unit_test(a_reset_ends_what_was_pipelined),
        cmocka_unit_test(clients_that_do_not_read_are_dropped),
        cmocka_unit_test(connections_beyond_the_cap_wait),
        cmocka_unit_test(the_idlest_connection_makes_room_at_the_cap),
        cmocka_unit_test(exchanges_outlive_their_clients),
        cmocka_unit_test(draining_finishes_what_is_owed),
        cmocka_unit_test(exchanges_outlive_their_server),
    };
    return cmocka_run_group_tests(tests, http_bench_make_big, http_bench_free_big);
}
