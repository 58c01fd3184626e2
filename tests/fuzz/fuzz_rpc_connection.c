/*
 * Any bytes from a client of an RPC server, in one connection: whatever they are, the server lives,
 * holds no call afterwards and gives its memory back. With the preface in the first byte's way, so
 * that most inputs reach the frames.
 */
#include "libs/loop/loop.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/server.h"
#include "libs/rpc/state.h"

#include <assert.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <telefact/store/v1/read_service.pb-c.h>
#include <unistd.h>

#define METHODS_MAX 32
#define TURNS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

static void answer(void *self, struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)self;
    const Telefact__Store__V1__GetUserRequest *get = (const void *)request;
    Telefact__Store__V1__GetUserResponse response = TELEFACT__STORE__V1__GET_USER_RESPONSE__INIT;
    rpc_send(call, &response.base);
    if (get->user_id % 2 == 0) {
        rpc_end(call, RPC_OK, NULL);
        return;
    }
    rpc_end(call, RPC_NOT_FOUND, "odd");
}

static void give_up(void *call)
{
    rpc_end(call, RPC_CANCELLED, NULL);
}

static void hold(void *self, struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)self;
    (void)request;
    rpc_on_cancel(call, give_up, call);
}

static struct rpc_server *open_server(struct loop *loop)
{
    static const struct bytes TOKEN = {"0123456789abcdef", 16};
    rpc_handler_fn handlers[METHODS_MAX] = {answer, hold};
    const struct rpc_service service = {
        .descriptor = &telefact__store__v1__read_service__descriptor, .handlers = handlers};
    const struct rpc_options options = {
        .limits = rpc_limits_standard(),
        .services = &service,
        .service_count = 1,
        .tokens = &TOKEN,
        .token_count = 0, /* 1: nothing would get past the token */
    };
    struct rpc_server *server = NULL;
    struct err err;
    if (!rpc_server_open(loop, "127.0.0.1:0", &options, &server, &err))
        abort();
    return server;
}

static void feed(int fd, const void *data, size_t len)
{
    ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
    (void)sent; /* the server may have closed it */
}

static void turn(struct loop *loop, int fd)
{
    static char answers[1 << 16];
    (void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
    while (recv(fd, answers, sizeof(answers), 0) > 0) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct loop *loop;
    static struct rpc_server *server;
    if (loop == NULL) {
        loop = loop_new();
        server = open_server(loop);
    }
    int pair[2];
    if (len == 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 0;
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
    rpc_connection_open(server, pair[0]);
    if (data[0] != 0)
        feed(pair[1], PREFACE, sizeof(PREFACE)); /* with the literal's NUL: the whole SETTINGS */

    /* In as many pieces as the first byte says. */
    size_t step = len / (data[0] % TURNS_MAX + 1U) + 1;
    for (size_t at = 1; at < len; at += step) {
        feed(pair[1], data + at, len - at < step ? len - at : step);
        turn(loop, pair[1]);
    }
    (void)close(pair[1]);
    (void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
    while (server->connections != NULL)
        rpc_connection_free(server->connections);
    assert(rpc_server_calls(server) == 0 && server->receiving_bytes == 0);
    return 0;
}
