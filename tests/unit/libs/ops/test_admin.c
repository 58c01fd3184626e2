#include "libs/ops/admin.h"

#include "tests/support/http_client.h"
#include "tests/support/metrics_text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool kafka_is_up;
static bool schema_is_there;
static struct loop *loop;

static bool kafka_holds(void *self, struct err *err)
{
    (void)self;
    return kafka_is_up || err_set(err, ERR_RETRY, "no broker");
}

static bool schema_holds(void *self, struct err *err)
{
    (void)self;
    return schema_is_there || err_set(err, ERR_RETRY, "version 3, need 4");
}

struct question {
    int port;
    const char *request;
    struct http_client_answer answer;
};

static void *ask_on_thread(void *self)
{
    struct question *question = self;
    int fd = http_client_open(question->port);
    if (http_client_send_text(fd, question->request))
        question->answer = http_client_receive(fd, false);
    http_client_close(fd);
    loop_stop(loop);
    return NULL;
}

static struct http_client_answer ask(const struct admin *admin, const char *request)
{
    struct question question = {.port = admin_port(admin), .request = request};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_on_thread, &question), 0);
    loop_run(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return question.answer;
}

static void expect(const struct admin *admin, const char *path, int status, const char *body)
{
    char request[100];
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    struct http_client_answer answer = ask(admin, request);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body, body);
    http_client_answer_done(&answer);
}

static struct admin *admin;

static int setup(void **state)
{
    (void)state;
    static struct admin_check checks[] = {
        {"kafka", ADMIN_READY, kafka_holds, NULL},
        {"schema", ADMIN_STARTED, schema_holds, NULL},
        {"loop", ADMIN_LIVE, admin_loop_holds, NULL},
    };
    struct err err = {0};
    kafka_is_up = true;
    schema_is_there = true;
    loop = loop_new();
    checks[2].self = loop;
    return admin_open(loop, "127.0.0.1:0", checks, 3, &admin, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    admin_free(admin);
    loop_free(loop);
    return 0;
}

static void probes_are_ok_while_their_checks_hold(void **state)
{
    (void)state;
    expect(admin, "/livez", 200, "ok\n");
    expect(admin, "/readyz", 200, "ok\n");
    expect(admin, "/startupz", 200, "ok\n");
    expect(admin, "/readyz?verbose", 200, "[+]kafka ok\nreadyz ok\n");
    expect(admin, "/livez?verbose", 200, "[+]loop ok\nlivez ok\n");
}

static void each_probe_fails_by_its_own_checks(void **state)
{
    (void)state;
    kafka_is_up = false;
    expect(admin, "/readyz", 503, "[-]kafka failed: no broker\nreadyz failed\n");
    expect(admin, "/startupz", 200, "ok\n");
    expect(admin, "/livez", 200, "ok\n");
    schema_is_there = false;
    expect(admin, "/startupz", 503, "[-]schema failed: version 3, need 4\nstartupz failed\n");
    kafka_is_up = true;
    expect(admin, "/readyz", 200, "ok\n");
}

static void draining_is_not_ready_but_alive(void **state)
{
    (void)state;
    admin_drain(admin);
    expect(admin, "/readyz", 503, "[+]kafka ok\n[-]drain failed: shutting down\nreadyz failed\n");
    expect(admin, "/livez", 200, "ok\n");
}

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    struct http_client_answer answer =
        ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_non_null(
        strstr(answer.head, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.body, "\nprocess_cpu_seconds_total "));
    http_client_answer_done(&answer);
}

static void who_prefers_openmetrics_gets_it(void **state)
{
    (void)state;
    struct http_client_answer answer =
        ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: "
                   "application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.head, "\r\nContent-Type: application/openmetrics-text; "
                                        "version=1.0.0; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.body, "# TYPE process_cpu_seconds counter\n"));
    assert_string_equal(answer.body + strlen(answer.body) - 6, "# EOF\n");
    http_client_answer_done(&answer);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    expect(admin, "/", 404, "not found\n");
    struct http_client_answer answer = ask(admin, "POST /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(answer.status, 405);
    http_client_answer_done(&answer);
    answer = ask(admin, "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_int_equal(answer.status, 413);
    http_client_answer_done(&answer);
}

static bool serve_one(void *self, struct http_exchange *exchange)
{
    (void)self;
    if (!bytes_equal(http_path(exchange), BYTES_LITERAL("/one")))
        return false;
    http_answer(exchange, 200, NULL, 0, BYTES_LITERAL("one\n"));
    return true;
}

static void what_the_service_serves_stands_beside_it(void **state)
{
    (void)state;
    admin_serve(admin, serve_one, NULL);
    expect(admin, "/one", 200, "one\n");
    expect(admin, "/livez", 200, "ok\n");
    expect(admin, "/two", 404, "not found\n");
}

static void what_is_refused_is_counted(void **state)
{
    (void)state;
    static const char *const CODES[] = {"unknown_path", "wrong_method", "large_body"};
    admin_add_metrics();
    anything_else_is_refused(NULL);
    for (size_t i = 0; i < sizeof(CODES) / sizeof(*CODES); i++) {
        char count[128];
        (void)snprintf(count, sizeof(count), "refusals_total{where=\"admin\",code=\"%s\"} 1\n",
                       CODES[i]);
        assert_true(metrics_text_has(count));
    }
}

/* After admin_add_metrics. */
static void the_metrics_tell_whether_it_is_ready(void **state)
{
    (void)state;
    static const char *const lines[] = {"\nservice_ready 0\n", "\nservice_ready 1\n"};
    for (size_t i = 0; i < 2; i++) {
        kafka_is_up = i == 1;
        struct http_client_answer answer = ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_non_null(strstr(answer.body, lines[i]));
        http_client_answer_done(&answer);
    }
}

static void unusable_address_is_told(void **state)
{
    (void)state;
    struct admin *other = NULL;
    struct err err = {0};
    assert_false(admin_open(loop, "nonsense", NULL, 0, &other, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_memory_equal(err.text, "admin: listen", 13);
    assert_null(other);
    admin_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(probes_are_ok_while_their_checks_hold),    TEST(each_probe_fails_by_its_own_checks),
        TEST(draining_is_not_ready_but_alive),          TEST(metrics_are_prometheus_text),
        TEST(who_prefers_openmetrics_gets_it),          TEST(anything_else_is_refused),
        TEST(what_the_service_serves_stands_beside_it), TEST(what_is_refused_is_counted),
        TEST(the_metrics_tell_whether_it_is_ready),     TEST(unusable_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
