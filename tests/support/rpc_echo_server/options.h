/* options: the command line of the echo server, "name=value" words over the standard limits. */
#ifndef TESTS_RPC_ECHO_OPTIONS_H
#define TESTS_RPC_ECHO_OPTIONS_H

#include "libs/base/err.h"
#include "libs/rpc/server.h"
#include "libs/rpc/tokens.h"

struct echo_options {
    const char *listen;
    struct rpc_limits limits;
    struct rpc_tokens tokens;
};

MUST_CHECK bool echo_options_read(int argc, char *const *argv, struct echo_options *out,
                                  struct err *err);
void echo_options_done(struct echo_options *options);

#endif
