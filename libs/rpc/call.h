/*
 * call: one call from its first header to its end. Internal to this folder.
 *
 * Two sides hold it: its HTTP/2 stream and, once dispatched, the handler. It is freed when both
 * have let go. While `connection` is set the memory stays, whatever a handler does.
 */
#ifndef LIBS_RPC_CALL_H
#define LIBS_RPC_CALL_H

#include "libs/base/trace.h"
#include "libs/rpc/headers.h"
#include "libs/rpc/methods.h"
#include "libs/rpc/queue.h"
#include "libs/rpc/request.h"
#include "libs/rpc/server.h"

struct rpc_connection;

struct rpc_call {
    struct rpc_server *server;         /* NULL: freed before the handler ended the call */
    struct rpc_connection *connection; /* NULL: the stream is gone */
    struct rpc_call *next;             /* among the connection's calls, or the server's orphans */
    struct rpc_call **link;            /* what points here in that list */
    int32_t stream_id;

    bool has_handler;   /* a handler has it and must end it */
    bool is_in_handler; /* the handler has not returned yet */
    bool is_answered;   /* its status is decided; only what is queued is still sent */
    bool is_cancelled;  /* client gone or deadline passed, before an answer */
    bool is_reset;      /* its stream is being reset */
    bool has_headers;   /* response headers were submitted */

    const struct rpc_method *method; /* NULL: unknown */
    struct rpc_request *request;     /* NULL once the handler returned */
    int64_t started_us;
    int64_t deadline_ms;
    char trace_id[TRACE_ID_LEN + 1]; /* once the headers ended */

    enum rpc_status status; /* once answered */
    char *message;          /* percent-encoded, or NULL */
    struct rpc_headers metadata;
    struct rpc_queue queue;
    size_t http_sent; /* bytes of the text that answers what is not gRPC */

    loop_fn cancel_fn;
    void *cancel_arg;
    loop_fn writable_fn;
    void *writable_arg; /* writable_fn NULL: nobody waits */
};

struct rpc_call *rpc_call_new(struct rpc_connection *connection, int32_t stream_id);

/* The events of the stream, in this order. */
void rpc_call_header(struct rpc_call *call, struct bytes name, struct bytes value);
void rpc_call_headers_end(struct rpc_call *call);
void rpc_call_data(struct rpc_call *call, struct bytes data);
void rpc_call_request_end(struct rpc_call *call);
void rpc_call_stream_gone(struct rpc_call *call); /* may free it */

/* Do what time asks for: answer a call whose deadline passed, reset a stream whose answer nobody
 * reads. */
void rpc_call_check_deadline(struct rpc_call *call, int64_t now_ms);

/* When rpc_call_check_deadline has to be called next. */
int64_t rpc_call_wake_at(const struct rpc_call *call);

/* The handler lets go of it; may free it. */
void rpc_call_end(struct rpc_call *call, enum rpc_status status, const char *message);

/* Its outcome on the wire; a handler that has it may still have to end it. */
void rpc_call_decide(struct rpc_call *call, enum rpc_status status, const char *message);
void rpc_call_decide_http(struct rpc_call *call, const char *status); /* what is no gRPC */

/* Its method, or "unknown". */
const char *rpc_call_label(const struct rpc_call *call);

/* An orphan outlives its server: from here on it waits for its handler's rpc_end only. */
void rpc_call_server_gone(struct rpc_call *call);

/* Tell a handler that waits to write, if it may; true when it was told. */
bool rpc_call_notify_writable(struct rpc_call *call);

/* As rpc_send, with a message that is packed already. */
void rpc_call_send_bytes(struct rpc_call *call, struct bytes message);

#endif
