#include "libs/rpc/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <telefact/gateway/v1/publish_service.pb-c.h>
#include <unistd.h>

#define GIVE_UP_MS 5000

struct fixture {
    struct loop *loop;
    struct rpc_server *server;
    struct rpc_call *call; /* that the handler holds */
    struct loop_timer *timer;
    int fd;
    int cancels;
    int ends;
    enum rpc_status last_status;
    bool ends_on_cancel;
};

static void on_cancel(void *self)
{
    struct fixture *fixture = self;
    fixture->cancels++;
    assert_true(rpc_is_cancelled(fixture->call));
    assert_false(rpc_is_writable(fixture->call));
    if (fixture->ends_on_cancel)
        rpc_end(fixture->call, RPC_CANCELLED, NULL);
    loop_stop(fixture->loop);
}

static void hold(void *self, struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    struct fixture *fixture = self;
    fixture->call = call;
    assert_true(bytes_equal(rpc_metadata(call, "x"), BYTES_LITERAL("y")));
    assert_null(rpc_metadata(call, ":path").data);
    rpc_on_cancel(call, on_cancel, fixture);
    loop_stop(fixture->loop);
}

static void on_end(void *self, const char *method, enum rpc_status status, int64_t duration_us)
{
    struct fixture *fixture = self;
    assert_string_equal(method, "telefact.gateway.v1.PublishService/Publish");
    assert_true(duration_us >= 0);
    fixture->ends++;
    fixture->last_status = status;
}

static void give_up(void *self)
{
    (void)self;
    fail_msg("nothing happened in time");
}

static void open_server(struct fixture *fixture, struct rpc_limits limits)
{
    static const rpc_handler_fn HANDLERS[] = {hold};
    struct rpc_service service = {
        .descriptor = &telefact__gateway__v1__publish_service__descriptor,
        .handlers = HANDLERS,
        .self = fixture,
    };
    const struct rpc_options options = {
        .limits = limits,
        .services = &service,
        .service_count = 1,
        .hook = {.on_end = on_end, .self = fixture},
    };
    struct err err;
    assert_true(rpc_server_open(fixture->loop, "127.0.0.1:0", &options, &fixture->server, &err));
    memset(&service, 0xAA, sizeof(service)); /* the server may not need it any more */
}

/* One literal header of a block. */
static void put_header(char *block, size_t *len, const char *name, const char *value)
{
    block[(*len)++] = 0;
    const char *const both[] = {name, value};
    for (int i = 0; i < 2; i++) {
        size_t part = strlen(both[i]);
        block[(*len)++] = (char)part;
        memcpy(block + *len, both[i], part);
        *len += part;
    }
}

static void send_call(const struct fixture *fixture)
{
    static const char PREFACE[] =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0"; /* and SETTINGS */
    static const char MESSAGE[] = "\0\0\5\0\1\0\0\0\1\0\0\0\0";
    char headers[512] = {0, 0, 0, 1, 4, 0, 0, 0, 1};
    size_t len = 9;
    put_header(headers, &len, ":method", "POST");
    put_header(headers, &len, ":scheme", "http");
    put_header(headers, &len, ":path", "/telefact.gateway.v1.PublishService/Publish");
    put_header(headers, &len, ":authority", "a");
    put_header(headers, &len, "content-type", "application/grpc");
    put_header(headers, &len, "x", "y");
    headers[1] = (char)((len - 9) >> 8);
    headers[2] = (char)(len - 9);
    assert_int_equal(send(fixture->fd, PREFACE, sizeof(PREFACE), 0), sizeof(PREFACE));
    assert_int_equal(send(fixture->fd, headers, len, 0), len);
    assert_int_equal(send(fixture->fd, MESSAGE, sizeof(MESSAGE), 0), sizeof(MESSAGE));
}

/* Connect and call; returns once the handler has the call. */
static void call_server(struct fixture *fixture)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)rpc_server_port(fixture->server)),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    fixture->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fixture->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    send_call(fixture);
    loop_run(fixture->loop);
    assert_non_null(fixture->call);
    assert_int_equal(rpc_server_calls(fixture->server), 1);
}

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.loop = loop_new(), .fd = -1};
    fixture->timer = loop_timer_new(fixture->loop, give_up, NULL);
    loop_timer_arm(fixture->timer, GIVE_UP_MS);
}

static void finish(struct fixture *fixture)
{
    rpc_server_free(fixture->server);
    loop_timer_free(fixture->timer);
    loop_free(fixture->loop);
    if (fixture->fd >= 0)
        (void)close(fixture->fd);
}

static void freeing_the_server_cancels_its_calls(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    fixture.ends_on_cancel = true;
    open_server(&fixture, rpc_limits_standard());
    call_server(&fixture);
    rpc_server_free(fixture.server);
    fixture.server = NULL;
    assert_int_equal(fixture.cancels, 1);
    assert_int_equal(fixture.ends, 1);
    assert_int_equal(fixture.last_status, RPC_CANCELLED);
    finish(&fixture);
}

static void a_call_may_end_after_its_server(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    open_server(&fixture, rpc_limits_standard());
    call_server(&fixture);
    rpc_server_free(fixture.server);
    fixture.server = NULL;
    assert_int_equal(fixture.cancels, 1);
    Telefact__Gateway__V1__PublishResponse response = TELEFACT__GATEWAY__V1__PUBLISH_RESPONSE__INIT;
    rpc_answer(fixture.call, &response.base);
    assert_int_equal(fixture.ends, 1);
    finish(&fixture);
}

static void after_its_deadline_a_call_takes_everything_and_sends_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct rpc_limits limits = rpc_limits_standard();
    limits.default_deadline_ms = 50;
    open_server(&fixture, limits);
    call_server(&fixture);
    loop_run(fixture.loop);
    assert_int_equal(fixture.cancels, 1);
    assert_int_equal(fixture.last_status, RPC_DEADLINE_EXCEEDED);
    Telefact__Gateway__V1__PublishResponse response = TELEFACT__GATEWAY__V1__PUBLISH_RESPONSE__INIT;
    rpc_add_metadata(fixture.call, "telefact-position", "0:1");
    rpc_send(fixture.call, &response.base);
    rpc_on_writable(fixture.call, give_up, NULL);
    rpc_end(fixture.call, RPC_OK, NULL);
    assert_int_equal(fixture.ends, 1);
    finish(&fixture);
}

static void a_client_that_goes_is_told_once(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    open_server(&fixture, rpc_limits_standard());
    call_server(&fixture);
    (void)close(fixture.fd);
    fixture.fd = -1;
    loop_run(fixture.loop);
    assert_int_equal(fixture.cancels, 1);
    assert_int_equal(rpc_server_calls(fixture.server), 1);
    rpc_end(fixture.call, RPC_INTERNAL, "nobody hears this");
    assert_int_equal(rpc_server_calls(fixture.server), 0);
    assert_int_equal(fixture.last_status, RPC_CANCELLED);
    assert_int_equal(fixture.ends, 1);
    finish(&fixture);
}

static void an_unusable_address_is_fatal(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    open_server(&fixture, rpc_limits_standard());
    char taken[32];
    const struct rpc_options options = {.limits = rpc_limits_standard()};
    struct rpc_server *second = NULL;
    struct err err = {0};
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%d", rpc_server_port(fixture.server));
    assert_false(rpc_server_open(fixture.loop, taken, &options, &second, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(second);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_the_server_cancels_its_calls),
        cmocka_unit_test(a_call_may_end_after_its_server),
        cmocka_unit_test(after_its_deadline_a_call_takes_everything_and_sends_nothing),
        cmocka_unit_test(a_client_that_goes_is_told_once),
        cmocka_unit_test(an_unusable_address_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
