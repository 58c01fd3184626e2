/*
 * state: what all connections of one server share. Internal to this folder.
 *
 * Everything belongs to the loop's thread.
 */
#ifndef LIBS_RPC_STATE_H
#define LIBS_RPC_STATE_H

#include "libs/rpc/auth.h"
#include "libs/rpc/health.h"
#include "libs/rpc/methods.h"
#include "libs/rpc/server.h"
#include "libs/rpc/session.h"

#define RPC_READ_BYTES 65536U

struct rpc_connection;

struct rpc_server {
    struct loop *loop;
    struct rpc_limits limits;
    struct rpc_metrics_hook hook;
    struct rpc_methods methods;
    struct rpc_auth *auths; /* the common one, then one of each service */
    size_t auth_count;
    struct rpc_session_setup setup;
    struct rpc_health *health;

    int fd; /* -1 once the server drains */
    int port;
    struct loop_watch *watch;
    struct loop_timer
        *accept_timer; /* takes the listener up again after the process ran out of descriptors */
    bool is_accept_paused;
    bool is_draining;

    struct rpc_connection *connections;
    int connection_count;
    struct rpc_connection
        *touched; /* have something to send once the callbacks that run now are done */
    struct loop_timer *flush_timer;

    struct rpc_call *orphans; /* a handler still has them, their stream is gone */
    int orphan_count;
    int call_count;         /* all calls, orphans too */
    size_t receiving_bytes; /* of requests that are not whole yet or with a handler */
    uint8_t read_buffer[RPC_READ_BYTES];
};

/* Tell the hook. */
void rpc_server_refused(const struct rpc_server *server, const struct rpc_refused *refused);

#endif
