#include "tests/support/http_bench.h"

#include "tests/support/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const struct http_limits HTTP_BENCH_LIMITS = {
    .max_connections = 10,
    .head_max = 8192,
    .body_max = 1 << 20,
    .request_deadline_ms = 10000,
    .idle_ms = 10000,
    .write_deadline_ms = 10000,
};
struct http_bench http_bench;
char *http_bench_big;

void http_bench_check(bool holds, const char *condition, int line)
{
    if (!holds && http_bench.failure[0] == '\0')
        (void)snprintf(http_bench.failure, sizeof(http_bench.failure), "line %d: %s", line,
                       condition);
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
    http_bench.requests++;
    struct bytes path = http_path(exchange);
    if (bytes_equal(path, BYTES_LITERAL("/later"))) {
        http_bench.later[http_bench.later_count++] = exchange;
        (void)sem_post(&http_bench.later_came);
    } else if (bytes_equal(path, BYTES_LITERAL("/fields"))) {
        answer_fields(exchange);
    } else if (bytes_equal(path, BYTES_LITERAL("/http_bench_big"))) {
        http_answer(exchange, 200, NULL, 0, (struct bytes){http_bench_big, HTTP_BENCH_BIG_LEN});
    } else {
        answer_echo(exchange);
    }
}

static void on_refused(void *self, int status)
{
    (void)self;
    http_bench.refused++;
    http_bench.refused_status = status;
}

static void *play_client(void *self)
{
    (void)self;
    http_bench.client();
    loop_stop(http_bench.loop);
    return NULL;
}

void http_bench_serve(const struct http_limits *limits, void (*client)(void))
{
    const struct http_handler handler = {
        .on_head = on_head, .on_request = on_request, .on_refused = on_refused};
    struct err err = {0};
    memset(&http_bench, 0, sizeof(http_bench));
    http_bench.client = client;
    http_bench.loop = loop_new();
    (void)sem_init(&http_bench.later_came, 0, 0);
    (void)sem_init(&http_bench.wanted_came, 0, 0);
    assert_true(http_server_open(http_bench.loop, "127.0.0.1:0", limits, &handler,
                                 &http_bench.server, &err));
    http_bench.port = http_server_port(http_bench.server);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play_client, NULL), 0);
    loop_run(http_bench.loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(http_bench.failure, "");
    assert_int_equal(http_bench.refused, http_server_refused(http_bench.server));
}

void http_bench_end(void)
{
    loop_timer_free(http_bench.watcher);
    http_server_free(http_bench.server);
    loop_free(http_bench.loop);
    (void)sem_destroy(&http_bench.later_came);
    (void)sem_destroy(&http_bench.wanted_came);
}

void http_bench_answer_all_later(void *self)
{
    (void)self;
    for (size_t i = 0; i < http_bench.later_count; i++)
        http_answer(http_bench.later[i], 202, NULL, 0, BYTES_LITERAL("later"));
    http_bench.later_count = 0;
}

static void watch_connections(void *self)
{
    (void)self;
    if (http_bench.watcher == NULL)
        http_bench.watcher = loop_timer_new(http_bench.loop, watch_connections, NULL);
    if (http_server_connections(http_bench.server) == http_bench.wanted_connections)
        (void)sem_post(&http_bench.wanted_came);
    else
        loop_timer_arm(http_bench.watcher, 5);
}

void http_bench_wait_for_connections(int count)
{
    http_bench.wanted_connections = count;
    loop_post(http_bench.loop, watch_connections, NULL);
    (void)sem_wait(&http_bench.wanted_came);
}

void http_bench_drain(void *self)
{
    (void)self;
    http_server_drain(http_bench.server);
}

int http_bench_status_of(int fd, const char *request)
{
    return http_client_send_text(fd, request) ? http_client_status(fd) : 0;
}

void http_bench_check_refused(const char *request, int status)
{
    int fd = http_client_open(http_bench.port);
    int got = http_bench_status_of(fd, request);
    if (got != status || !http_client_is_ended(fd))
        (void)snprintf(http_bench.failure, sizeof(http_bench.failure),
                       "%d instead of %d for %.150s", got, status, request);
    http_client_close(fd);
}

int http_bench_make_big(void **state)
{
    (void)state;
    http_bench_big = malloc(HTTP_BENCH_BIG_LEN);
    if (http_bench_big == NULL)
        return -1;
    for (size_t i = 0; i < HTTP_BENCH_BIG_LEN; i++)
        http_bench_big[i] = (char)(i * 7 + i / 1000);
    return 0;
}

int http_bench_free_big(void **state)
{
    (void)state;
    free(http_bench_big);
    return 0;
}
