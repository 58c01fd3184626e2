/* listen: a listening TCP socket for a "host:port" of the settings. */
#ifndef LIBS_LOOP_LISTEN_H
#define LIBS_LOOP_LISTEN_H

#include "libs/base/err.h"

/* Non-blocking, close-on-exec, with TCP_NODELAY for every accepted connection. "127.0.0.1:8080",
 * "[::1]:8080",
 * ":8080" (all addresses), port 0: any free one. The caller owns the descriptor. ERR_FATAL:
 * unusable address. */
MUST_CHECK bool listen_open(const char *address, int *out_fd, int *out_port, struct err *err);

/* Take one connection: non-blocking and close-on-exec. -1: there is none, with errno as accept sets
 * it. */
int listen_accept(int fd);

#endif
