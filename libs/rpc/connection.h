/*
 * connection: one client's socket, its HTTP/2 session and its calls. Internal to this folder.
 *
 * One read, then all frames it leads to, then one write. It ends itself: on errors, when idle, when
 * drained, when the peer floods it or does not read.
 */
#ifndef LIBS_RPC_CONNECTION_H
#define LIBS_RPC_CONNECTION_H

#include "libs/base/buf.h"
#include "libs/loop/loop.h"
#include "libs/rpc/credit.h"
#include "libs/rpc/server.h"

#include <nghttp2/nghttp2.h>

enum rpc_drain {
    RPC_DRAIN_NONE,    /* takes calls */
    RPC_DRAIN_NOTICED, /* GOAWAY was announced; calls that are on their way still count */
    RPC_DRAIN_FINAL,   /* the last GOAWAY was sent; ends with its last call */
    RPC_DRAIN_CLOSED,  /* our side of the socket is shut; waits until the client saw it */
};

struct rpc_connection {
    struct rpc_server *server;
    struct rpc_connection *next;
    struct rpc_connection **link;
    struct rpc_connection *touched_next;
    struct rpc_connection **touched_link; /* NULL: not among the touched */

    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
    nghttp2_session *session;
    struct buf out; /* frames on their way to the socket */
    size_t out_sent;

    struct rpc_call *calls;
    size_t queued_bytes; /* answers of calls that HTTP/2 has not taken yet */
    bool has_writers;    /* a call may wait to write */

    struct rpc_credit credit;
    enum rpc_drain drain;
    unsigned refusals; /* bits of what was told */
    bool is_greeted;   /* the client's SETTINGS came */
    bool is_busy;      /* inside a callback that flushes at its end */
    bool wants_read, wants_write;
    int64_t wake_at_ms; /* the timer is armed for this */
    int64_t opened_ms;
    int64_t idle_since_ms;    /* while there is no call */
    int64_t blocked_since_ms; /* the socket takes nothing since; 0: it does */
    int64_t drain_since_ms;   /* the present step of draining began */
};

/* Takes over `fd`, a connected non-blocking socket. It belongs to the server from here on. */
void rpc_connection_open(struct rpc_server *server, int fd);
void rpc_connection_free(struct rpc_connection *connection);

/* Something waits to be sent: flush soon. */
void rpc_connection_touch(struct rpc_connection *connection);

/* Send what there is; may free the connection. */
void rpc_connection_flush(struct rpc_connection *connection);

/* The timer must go off at `at_ms` or earlier. */
void rpc_connection_wake_at(struct rpc_connection *connection, int64_t at_ms);

/* Begin the two-step GOAWAY; idle ones end soon, others with their last call. */
void rpc_connection_drain(struct rpc_connection *connection);

/* A GOAWAY left. The first is followed by a PING: its answer tells that the client read both. */
void rpc_connection_goaway_sent(struct rpc_connection *connection);

/* The client answered that PING. */
void rpc_connection_drain_acknowledged(struct rpc_connection *connection);

/* The peer sent a frame that costs us and brings nothing. */
void rpc_connection_charge(struct rpc_connection *connection, int cost);

/* The connection or one of its streams was refused; told once for each reason. */
void rpc_connection_refused(struct rpc_connection *connection, enum rpc_refusal refusal,
                            const char *detail);

bool rpc_connection_is_unsent(const struct rpc_connection *connection);

#endif
