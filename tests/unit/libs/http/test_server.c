#include "libs/http/server.h"

#include "tests/support/http_client.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG_LEN (8U << 20)
#define HOST "Host: a\r\n"
#define GET_ECHO "GET /echo?0 HTTP/1.1\r\n" HOST "\r\n"
#define GET_LATER "GET /later HTTP/1.1\r\n" HOST "\r\n"

static const struct http_limits LIMITS = {
    .max_connections = 10,
    .head_max = 8192,
    .body_max = 1 << 20,
    .request_deadline_ms = 10000,
    .idle_ms = 10000,
    .write_deadline_ms = 10000,
};

/* One test's server, its loop and the thread that plays the client. */
static struct {
    struct loop *loop;
    struct http_server *server;
    int port;
    void (*client)(void);
    char failure[256]; /* written by the client's thread, read after it has ended */
    struct http_exchange *later[8];
    size_t later_count;
    sem_t later_came; /* one post for each request of /later */
    int requests;
    uint64_t refused;   /* times that the handler was told */
    int refused_status; /* of the last one */
    struct loop_timer *watcher;
    int wanted_connections;
    sem_t wanted_came;
} test;

static char *big;

/* cmocka's assertions jump and may only be used on its own thread. */
#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *condition, int line)
{
    if (!holds && test.failure[0] == '\0')
        (void)snprintf(test.failure, sizeof(test.failure), "line %d: %s", line, condition);
}

static bool on_head(void *self, struct http_exchange *exchange)
{
    (void)self;
    CHECK(http_body(exchange).len == 0);
    if (http_header(exchange, "x-refuse").data == NULL)
        return true;
    http_answer(exchange, 401, NULL, 0, (struct bytes){0});
    return false;
}

static void answer_echo(struct http_exchange *exchange)
{
    struct bytes query = http_query(exchange);
    const struct http_field field = {"X-Query", query};
    http_answer(exchange, 200, &field, 1, http_body(exchange));
}

/* All fields as "name=value;" in the body. */
static void answer_fields(struct http_exchange *exchange)
{
    char text[1000];
    size_t len = 0;
    for (size_t i = 0; i < http_header_count(exchange); i++) {
        struct bytes name;
        struct bytes value;
        http_header_at(exchange, i, &name, &value);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%.*s;", (int)name.len,
                                name.data, (int)value.len, value.data);
    }
    http_answer(exchange, 200, NULL, 0, (struct bytes){text, len});
}

static void on_request(void *self, struct http_exchange *exchange)
{
    (void)self;
    test.requests++;
    struct bytes path = http_path(exchange);
    if (bytes_equal(path, BYTES_LITERAL("/later"))) {
        test.later[test.later_count++] = exchange;
        (void)sem_post(&test.later_came);
    } else if (bytes_equal(path, BYTES_LITERAL("/fields"))) {
        answer_fields(exchange);
    } else if (bytes_equal(path, BYTES_LITERAL("/big"))) {
        http_answer(exchange, 200, NULL, 0, (struct bytes){big, BIG_LEN});
    } else {
        answer_echo(exchange);
    }
}

static void on_refused(void *self, int status)
{
    (void)self;
    test.refused++;
    test.refused_status = status;
}

static void *play_client(void *self)
{
    (void)self;
    test.client();
    loop_stop(test.loop);
    return NULL;
}

static void serve(const struct http_limits *limits, void (*client)(void))
{
    const struct http_handler handler = {
        .on_head = on_head, .on_request = on_request, .on_refused = on_refused};
    struct err err = {0};
    memset(&test, 0, sizeof(test));
    test.client = client;
    test.loop = loop_new();
    (void)sem_init(&test.later_came, 0, 0);
    (void)sem_init(&test.wanted_came, 0, 0);
    assert_true(http_server_open(test.loop, "127.0.0.1:0", limits, &handler, &test.server, &err));
    test.port = http_server_port(test.server);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play_client, NULL), 0);
    loop_run(test.loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(test.failure, "");
    assert_int_equal(test.refused, http_server_refused(test.server));
}

static void end(void)
{
    loop_timer_free(test.watcher);
    http_server_free(test.server);
    loop_free(test.loop);
    (void)sem_destroy(&test.later_came);
    (void)sem_destroy(&test.wanted_came);
}

static void answer_all_later(void *self)
{
    (void)self;
    for (size_t i = 0; i < test.later_count; i++)
        http_answer(test.later[i], 202, NULL, 0, BYTES_LITERAL("later"));
    test.later_count = 0;
}

static void watch_connections(void *self)
{
    (void)self;
    if (test.watcher == NULL)
        test.watcher = loop_timer_new(test.loop, watch_connections, NULL);
    if (http_server_connections(test.server) == test.wanted_connections)
        (void)sem_post(&test.wanted_came);
    else
        loop_timer_arm(test.watcher, 5);
}

/* On the client's thread: wait until the server has this many connections. */
static void wait_for_connections(int count)
{
    test.wanted_connections = count;
    loop_post(test.loop, watch_connections, NULL);
    (void)sem_wait(&test.wanted_came);
}

static void drain(void *self)
{
    (void)self;
    http_server_drain(test.server);
}

static int status_of(int fd, const char *request)
{
    return http_client_send_text(fd, request) ? http_client_status(fd) : 0;
}

/* The status of a request that must also end the connection. */
static void check_refused(const char *request, int status)
{
    int fd = http_client_open(test.port);
    int got = status_of(fd, request);
    if (got != status || !http_client_is_ended(fd))
        (void)snprintf(test.failure, sizeof(test.failure), "%d instead of %d for %.150s", got,
                       status, request);
    http_client_close(fd);
}

static void keep_alive_client(void)
{
    int fd = http_client_open(test.port);
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
    serve(&LIMITS, keep_alive_client);
    assert_int_equal(test.requests, 3);
    assert_int_equal(http_server_refused(test.server), 0);
    end();
}

static void send_slowly(int fd, const char *text)
{
    for (; *text != '\0'; text++)
        CHECK(http_client_send(fd, (struct bytes){text, 1}));
}

static void byte_by_byte_client(void)
{
    int fd = http_client_open(test.port);
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
    serve(&LIMITS, byte_by_byte_client);
    assert_int_equal(test.requests, 2);
    end();
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
    int fd = http_client_open(test.port);
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
    serve(&LIMITS, pipeline_client);
    assert_int_equal(test.requests, PIPELINED);
    end();
}

static void pipeline_behind_later_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, GET_LATER GET_ECHO));
    (void)sem_wait(&test.later_came);
    CHECK(http_client_send_text(fd, GET_ECHO));
    CHECK(http_client_is_silent(fd));
    loop_post(test.loop, answer_all_later, NULL);
    CHECK(http_client_status(fd) == 202);
    CHECK(http_client_status(fd) == 200);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void later_answers_keep_the_order(void **state)
{
    (void)state;
    serve(&LIMITS, pipeline_behind_later_client);
    assert_int_equal(test.requests, 3);
    end();
}

/* Lengths around the place where a body no longer fits behind its head. */
static void body_sizes_client(void)
{
    static char body[20000];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('a' + i % 26);
    int fd = http_client_open(test.port);
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
    serve(&LIMITS, body_sizes_client);
    assert_int_equal(test.requests, 300);
    end();
}

static void largest_body_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd,
                                "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n"));
    CHECK(http_client_send(fd, (struct bytes){big, 1 << 20}));
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.body_len == 1 << 20 && memcmp(answer.body, big, 1 << 20) == 0);
    http_client_answer_done(&answer);
    check_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413);
    http_client_close(fd);
}

static void body_may_fill_its_limit(void **state)
{
    (void)state;
    serve(&LIMITS, largest_body_client);
    assert_int_equal(test.requests, 1);
    end();
}

static void huge_client(void)
{
    static char head[10000];
    memset(head, 'x', sizeof(head) - 1);
    memcpy(head, GET_ECHO "X: ", strlen(GET_ECHO) - 2);
    check_refused(head, 431);
    memcpy(head, "GET /", 5);
    check_refused(head, 431);
    check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 2147483648\r\n\r\n", 413);
    check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413);
    check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413);
}

static void huge_requests_are_refused_unread(void **state)
{
    (void)state;
    serve(&LIMITS, huge_client);
    assert_int_equal(test.requests, 0);
    assert_int_equal(http_server_refused(test.server), 5);
    end();
}

static void endless_client(void)
{
    static char chunk[10005] = "2710\r\n";
    memset(chunk + 6, 'x', 9995);
    int fd = http_client_open(test.port);
    CHECK(
        http_client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    int sent = 0;
    while (sent < 1000 && http_client_is_silent(fd)) {
        (void)http_client_send_text(fd, "2710\r\n");
        (void)http_client_send(fd, (struct bytes){big, 10000});
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
    serve(&LIMITS, endless_client);
    assert_int_equal(test.requests, 0);
    end();
}

static void malformed_client(void)
{
    check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
                  400);
    check_refused(
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400);
    check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    check_refused("POST / HTTP/1.1\r\n" HOST "Expect: a miracle\r\n\r\n", 417);
    check_refused("GET / HTTP/2.0\r\n", 505);
    check_refused("GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400);
    check_refused("GET / HTTP/1.1\nHost: a\n\n", 400);
    check_refused("\x16\x03\x01", 400);
}

static void malformed_requests_are_refused_and_closed(void **state)
{
    (void)state;
    serve(&LIMITS, malformed_client);
    assert_int_equal(test.requests, 0);
    assert_int_equal(http_server_refused(test.server), 9);
    end();
}

static void closing_client(void)
{
    check_refused("GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200);
    check_refused("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
    check_refused("POST /echo HTTP/1.1\r\n" HOST "X-Refuse: 1\r\nContent-Length: 5\r\n\r\nhello",
                  401);
    check_refused("POST /echo HTTP/1.1\r\n" HOST "X-Refuse: 1\r\nContent-Length: 5000\r\n\r\nhe",
                  401);
}

static void connections_close_when_they_should(void **state)
{
    (void)state;
    serve(&LIMITS, closing_client);
    assert_int_equal(test.requests, 2);
    assert_int_equal(http_server_refused(test.server), 0);
    end();
}

static void continue_client(void)
{
    int fd = http_client_open(test.port);
    char interim[26] = {0};
    CHECK(http_client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST
                                    "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    for (size_t i = 0; i < 25; i++)
        CHECK(read(fd, interim + i, 1) == 1);
    CHECK(strcmp(interim, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    CHECK(status_of(fd, "ok") == 200);
    http_client_close(fd);
    check_refused("POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nX-Refuse: 1\r\n"
                  "Content-Length: 2\r\n\r\n",
                  401);
}

static void continue_is_said_when_the_body_is_wanted(void **state)
{
    (void)state;
    serve(&LIMITS, continue_client);
    assert_int_equal(test.requests, 1);
    end();
}

static void head_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, "HEAD /big HTTP/1.1\r\n" HOST "\r\n" GET_ECHO));
    struct http_client_answer answer = http_client_receive(fd, true);
    CHECK(answer.status == 200 && strstr(answer.head, "\r\nContent-Length: 8388608\r\n") != NULL);
    http_client_answer_done(&answer);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void head_requests_get_no_body(void **state)
{
    (void)state;
    serve(&LIMITS, head_client);
    end();
}

static void big_answer_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n" GET_ECHO));
    struct http_client_answer answer = http_client_receive(fd, false);
    CHECK(answer.status == 200 && answer.body_len == BIG_LEN);
    CHECK(memcmp(answer.body, big, BIG_LEN) == 0);
    http_client_answer_done(&answer);
    CHECK(http_client_status(fd) == 200);
    http_client_close(fd);
}

static void answers_larger_than_the_kernel_takes_arrive(void **state)
{
    (void)state;
    serve(&LIMITS, big_answer_client);
    end();
}

static void slow_client(void)
{
    int head = http_client_open(test.port);
    int body = http_client_open(test.port);
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
    struct http_limits limits = LIMITS;
    limits.request_deadline_ms = 50;
    limits.head_max = 8 << 20;
    serve(&limits, slow_client);
    assert_int_equal(test.requests, 0);
    assert_int_equal(http_server_refused(test.server), 2);
    end();
}

static void idle_client(void)
{
    int fresh = http_client_open(test.port);
    int used = http_client_open(test.port);
    CHECK(status_of(used, GET_ECHO) == 200);
    CHECK(http_client_is_ended(fresh));
    CHECK(http_client_is_ended(used));
    http_client_close(fresh);
    http_client_close(used);
}

static void idle_connections_end_without_a_word(void **state)
{
    (void)state;
    struct http_limits limits = LIMITS;
    limits.idle_ms = 50;
    serve(&limits, idle_client);
    assert_int_equal(http_server_refused(test.server), 0);
    end();
}

static void fields_client(void)
{
    int fd = http_client_open(test.port);
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
    serve(&LIMITS, fields_client);
    end();
}

static void reset_while_answered_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n"));
    while (http_client_is_silent(fd))
        continue;
    http_client_reset(fd);
    wait_for_connections(0);
}

static void clients_that_vanish_while_answered_are_dropped(void **state)
{
    (void)state;
    serve(&LIMITS, reset_while_answered_client);
    assert_int_equal(http_server_refused(test.server), 0);
    end();
}

static void reset_later_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, GET_LATER GET_ECHO));
    (void)sem_wait(&test.later_came);
    http_client_reset(fd);
    loop_post(test.loop, answer_all_later, NULL);
    wait_for_connections(0);
}

static void a_reset_ends_what_was_pipelined(void **state)
{
    (void)state;
    serve(&LIMITS, reset_later_client);
    end();
}

static void deaf_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n"));
    wait_for_connections(1);
    wait_for_connections(0);
    http_client_close(fd);
}

static void clients_that_do_not_read_are_dropped(void **state)
{
    (void)state;
    struct http_limits limits = LIMITS;
    limits.write_deadline_ms = 50;
    serve(&limits, deaf_client);
    assert_int_equal(http_server_refused(test.server), 1);
    end();
}

static void cap_client(void)
{
    int a = http_client_open(test.port);
    int b = http_client_open(test.port);
    CHECK(http_client_send_text(a, GET_LATER));
    CHECK(http_client_send_text(b, GET_LATER));
    (void)sem_wait(&test.later_came);
    (void)sem_wait(&test.later_came);
    int c = http_client_open(test.port); /* accepted by the kernel only */
    CHECK(http_client_send_text(c, GET_ECHO));
    CHECK(http_client_is_silent(c));
    loop_post(test.loop, answer_all_later, NULL);
    CHECK(http_client_status(a) == 202);
    CHECK(http_client_status(b) == 202);
    CHECK(http_client_status(c) == 200);
    http_client_close(a);
    http_client_close(b);
    http_client_close(c);
    wait_for_connections(0);
}

static void connections_beyond_the_cap_wait(void **state)
{
    (void)state;
    struct http_limits limits = LIMITS;
    limits.max_connections = 2;
    serve(&limits, cap_client);
    assert_int_equal(test.requests, 3);
    end();
}

static void room_client(void)
{
    int a = http_client_open(test.port);
    int b = http_client_open(test.port);
    CHECK(status_of(a, GET_ECHO) == 200);
    CHECK(status_of(b, GET_ECHO) == 200);
    int c = http_client_open(test.port);
    CHECK(status_of(c, GET_ECHO) == 200);
    CHECK(status_of(b, GET_ECHO) == 200); /* a was idle for longer */
    CHECK(http_client_is_ended(a));
    http_client_close(a);
    http_client_close(b);
    http_client_close(c);
    wait_for_connections(0);
}

static void the_idlest_connection_makes_room_at_the_cap(void **state)
{
    (void)state;
    struct http_limits limits = LIMITS;
    limits.max_connections = 2;
    serve(&limits, room_client);
    assert_int_equal(test.requests, 4);
    end();
}

static void vanishing_client(void)
{
    int reset = http_client_open(test.port);
    int closed = http_client_open(test.port);
    CHECK(http_client_send_text(reset, GET_LATER));
    CHECK(http_client_send_text(closed, GET_LATER));
    (void)sem_wait(&test.later_came);
    (void)sem_wait(&test.later_came);
    http_client_reset(reset);
    http_client_close(closed);
    int other = http_client_open(test.port);
    CHECK(status_of(other, GET_ECHO) == 200);
    loop_post(test.loop, answer_all_later, NULL);
    CHECK(status_of(other, GET_ECHO) == 200);
    http_client_close(other);
    wait_for_connections(0);
}

static void exchanges_outlive_their_clients(void **state)
{
    (void)state;
    serve(&LIMITS, vanishing_client);
    assert_int_equal(http_server_refused(test.server), 0);
    end();
}

static void drain_client(void)
{
    int idle = http_client_open(test.port);
    int later = http_client_open(test.port);
    int half = http_client_open(test.port);
    CHECK(status_of(idle, GET_ECHO) == 200);
    CHECK(status_of(half, GET_ECHO "GET /echo") == 200);
    CHECK(http_client_send_text(later, GET_LATER));
    (void)sem_wait(&test.later_came);
    loop_post(test.loop, drain, NULL);
    CHECK(http_client_is_ended(idle));
    CHECK(http_client_open(test.port) < 0);

    CHECK(http_client_send_text(half, " HTTP/1.1\r\n" HOST "\r\n"));
    struct http_client_answer answer = http_client_receive(half, false);
    CHECK(answer.status == 200 && strstr(answer.head, "\r\nConnection: close\r\n") != NULL);
    http_client_answer_done(&answer);
    CHECK(http_client_is_ended(half));

    loop_post(test.loop, answer_all_later, NULL);
    CHECK(http_client_status(later) == 202);
    CHECK(http_client_is_ended(later));
    wait_for_connections(0);
    http_client_close(idle);
    http_client_close(half);
    http_client_close(later);
}

static void draining_finishes_what_is_owed(void **state)
{
    (void)state;
    serve(&LIMITS, drain_client);
    end();
}

static void abandoned_client(void)
{
    int fd = http_client_open(test.port);
    CHECK(http_client_send_text(fd, GET_LATER));
    (void)sem_wait(&test.later_came);
    http_client_close(fd);
}

static void exchanges_outlive_their_server(void **state)
{
    (void)state;
    serve(&LIMITS, abandoned_client);
    end();
    assert_int_equal(test.later_count, 1);
    assert_true(bytes_equal(http_path(test.later[0]), BYTES_LITERAL("/later")));
    answer_all_later(NULL);
}

static void unusable_address_is_told(void **state)
{
    (void)state;
    const struct http_handler handler = {.on_head = on_head, .on_request = on_request};
    struct loop *loop = loop_new();
    struct http_server *server = NULL;
    struct err err = {0};
    assert_false(http_server_open(loop, "nonsense", &LIMITS, &handler, &server, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(server);
    http_server_free(server);
    loop_free(loop);
}

static int make_big(void **state)
{
    (void)state;
    big = malloc(BIG_LEN);
    if (big == NULL)
        return -1;
    for (size_t i = 0; i < BIG_LEN; i++)
        big[i] = (char)(i * 7 + i / 1000);
    return 0;
}

static int free_big(void **state)
{
    (void)state;
    free(big);
    return 0;
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
        cmocka_unit_test(slow_requests_end_at_their_deadline),
        cmocka_unit_test(idle_connections_end_without_a_word),
        cmocka_unit_test(all_fields_can_be_read),
        cmocka_unit_test(clients_that_vanish_while_answered_are_dropped),
        cmocka_unit_test(a_reset_ends_what_was_pipelined),
        cmocka_unit_test(clients_that_do_not_read_are_dropped),
        cmocka_unit_test(connections_beyond_the_cap_wait),
        cmocka_unit_test(the_idlest_connection_makes_room_at_the_cap),
        cmocka_unit_test(exchanges_outlive_their_clients),
        cmocka_unit_test(draining_finishes_what_is_owed),
        cmocka_unit_test(exchanges_outlive_their_server),
        cmocka_unit_test(unusable_address_is_told),
    };
    return cmocka_run_group_tests(tests, make_big, free_big);
}
