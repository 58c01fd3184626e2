/*
 * rpc-echo-server [name=value ...]: EchoService on libs/rpc, for tests with clients of others.
 *
 * Prints "port <number>" once it listens. SIGTERM drains: it exits with 0 once no call is left.
 */
#include "libs/base/log.h"
#include "tests/support/rpc_echo_server/options.h"
#include "tests/support/rpc_echo_server/service.h"

#include <stdio.h>
#include <stdlib.h>

#define DRAIN_CHECK_MS 20

struct program {
    struct loop *loop;
    struct loop_timer *drain_timer;
    struct echo_service service;
};

static void on_drain_timer(void *self)
{
    struct program *program = self;
    if (rpc_server_calls(program->service.server) == 0)
        loop_stop(program->loop);
    else
        loop_timer_arm(program->drain_timer, DRAIN_CHECK_MS);
}

static void on_terminate(void *self)
{
    struct program *program = self;
    rpc_server_drain(program->service.server);
    loop_timer_arm(program->drain_timer, DRAIN_CHECK_MS);
}

static bool serve(struct program *program, const struct echo_options *options, struct err *err)
{
    program->service.loop = program->loop;
    struct rpc_service port = echo_service_port(&program->service);
    const struct rpc_options server_options = {
        .limits = options->limits,
        .services = &port,
        .service_count = 1,
        .tokens = options->tokens.items,
        .token_count = options->tokens.count,
        .hook = echo_service_hook(&program->service),
    };
    struct rpc_server *server = NULL;
    if (!rpc_server_open(program->loop, options->listen, &server_options, &server, err))
        return false;
    program->service.server = server;
    rpc_server_set_serving(server, true);
    program->drain_timer = loop_timer_new(program->loop, on_drain_timer, program);
    loop_on_terminate(program->loop, on_terminate, program);
    (void)printf("port %d\n", rpc_server_port(server));
    (void)fflush(stdout);
    loop_run(program->loop);
    loop_timer_free(program->drain_timer);
    rpc_server_free(server);
    return true;
}

int main(int argc, char **argv)
{
    log_init("rpc-echo-server", "test", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    struct echo_options options;
    struct err err;
    struct program program = {.loop = loop_new()};
    bool is_fine = echo_options_read(argc, argv, &options, &err) && serve(&program, &options, &err);
    if (!is_fine)
        log_error("cannot serve", LOG_TEXT("error", err.text));
    loop_free(program.loop);
    echo_options_done(&options);
    return is_fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
