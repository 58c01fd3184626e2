/*
 * server: gRPC over HTTP/2 (h2c) on a loop, for protobuf-c's generated services.
 *
 * Unary and server-streaming methods; deadlines (grpc-timeout, with a default and a cap); status
 * and message; metadata both ways; grpc.health.v1.Health (Check and Watch); limits on connections,
 * streams, message size, header size, reset and control-frame floods; bearer tokens. A method
 * without a handler, and a service that was not added, answer UNIMPLEMENTED. Everything runs on the
 * loop's thread; handlers must not block.
 *
 * A call belongs to the server until the handler ends it with rpc_end (exactly once). When the
 * client goes away or the deadline passes, the server calls on_cancel once; the handler still ends
 * the call (its status is discarded after a client has gone).
 */
#ifndef LIBS_RPC_SERVER_H
#define LIBS_RPC_SERVER_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"
#include "libs/loop/loop.h"

#include <protobuf-c/protobuf-c.h>

struct rpc_server;
struct rpc_call;

enum rpc_status {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
    RPC_UNAUTHENTICATED = 16,
};

struct rpc_limits {
    int max_connections;
    int max_streams;        /* per connection */
    size_t message_max;     /* bytes of one request message */
    size_t header_max;      /* bytes of a request's header list */
    size_t send_buffer_max; /* bytes of answers queued on one connection before rpc_is_writable
                               turns false */
    int64_t default_deadline_ms;
    int64_t max_deadline_ms;
    int64_t idle_ms;           /* a connection without a call */
    int64_t write_deadline_ms; /* a connection that takes no byte; 0: 20 s */
};

/* `request` lives until the handler returns; copy what is needed later. */
typedef void (*rpc_handler_fn)(void *self, struct rpc_call *call, const ProtobufCMessage *request);

/* One handler a method, in the order of the .proto; NULL: UNIMPLEMENTED. */
struct rpc_service {
    const ProtobufCServiceDescriptor *descriptor;
    const rpc_handler_fn *handlers;
    void *self;
    const struct bytes *tokens; /* the only ones that this service accepts, borrowed; none: those
                                   of rpc_options */
    size_t token_count;
    uint32_t endless; /* bit n: method n lives until the client goes, unless that gives a deadline;
                         its handler ends it when the server drains */
};

/* Why the server refused something before a handler could, or ended a call on its own. */
enum rpc_refusal {
    RPC_LARGE_HEADERS,
    RPC_WRONG_METHOD, /* of HTTP: not POST */
    RPC_NOT_GRPC,
    RPC_NO_TOKEN,  /* or a wrong one */
    RPC_NOT_BUILT, /* or unknown */
    RPC_TOO_MUCH_AT_ONCE,
    RPC_WRONG_TIMEOUT,
    RPC_LARGE_MESSAGE,
    RPC_UNKNOWN_CODING,
    RPC_WRONG_FRAMING,
    RPC_NOT_ONE_MESSAGE,
    RPC_WRONG_MESSAGE,
    RPC_LATE,
    /* Of connections and streams; there is no call. */
    RPC_WRONG_HTTP2,
    RPC_FLOOD,
    RPC_TOO_MANY_STREAMS,
    RPC_TOO_MANY_CONNECTIONS,
    RPC_REFUSALS,
};

/* Something was refused. */
struct rpc_refused {
    enum rpc_refusal refusal;
    const char *method;   /* as below; "unknown" of what is no call, too */
    const char *detail;   /* one line without payload */
    const char *trace_id; /* as rpc_trace_id */
};

/* Either may be NULL. method: "package.Service/Method", or "unknown". */
struct rpc_metrics_hook {
    /* Once for every call that ended. */
    void (*on_end)(void *self, const char *method, enum rpc_status status, int64_t duration_us);
    /* Of a call, before its on_end. */
    void (*on_refused)(void *self, const struct rpc_refused *refused);
    void *self;
};

struct rpc_options {
    struct rpc_limits limits;
    const struct rpc_service *services; /* borrowed */
    size_t service_count;
    const struct bytes *tokens; /* accepted bearer tokens of services without own ones, borrowed;
                                   none: no authentication (Health needs none ever) */
    size_t token_count;
    struct rpc_metrics_hook hook;
};

struct rpc_limits rpc_limits_standard(void);

/* Listen on "host:port" (port 0: any free one). ERR_FATAL: the address cannot be used. */
MUST_CHECK bool rpc_server_open(struct loop *loop, const char *listen,
                                const struct rpc_options *options, struct rpc_server **out,
                                struct err *err);
int rpc_server_port(const struct rpc_server *server);

/* What grpc.health.v1 answers for "" and for every added service. Starts as not serving. */
void rpc_server_set_serving(struct rpc_server *server, bool serving);

/* Two-step GOAWAY: no new calls, calls in hand finish, Watch streams end. rpc_server_calls tells
 * how much is left: calls, and connections whose last bytes the client has not taken yet. */
void rpc_server_drain(struct rpc_server *server);
int rpc_server_calls(const struct rpc_server *server);

/* Cancels what is left; NULL is fine. A handler that has not ended its call by then still has to,
 * with rpc_end or rpc_answer and nothing else. */
void rpc_server_free(struct rpc_server *server);

/* Request metadata: the first value of a lower-case name; data NULL: absent. Lives until the
 * handler returns. */
struct bytes rpc_metadata(const struct rpc_call *call, const char *name);

/* The trace id that the caller sent as W3C traceparent, "" if it sent none of use. Lives as long as
 * the call. */
const char *rpc_trace_id(const struct rpc_call *call);

/* When the call's deadline passes, on the monotonic clock in ms. */
int64_t rpc_deadline_ms(const struct rpc_call *call);

/* Response metadata, before the first message; copied. */
void rpc_add_metadata(struct rpc_call *call, const char *name, const char *value);

/* Client gone or deadline passed: fn(arg) is called once, never after rpc_end. NULL removes it. */
void rpc_on_cancel(struct rpc_call *call, loop_fn fn, void *arg);
bool rpc_is_cancelled(const struct rpc_call *call);

/* Queue a message. Unary: once, then rpc_end(OK). */
void rpc_send(struct rpc_call *call, const ProtobufCMessage *message);

/* Streaming: false while the client does not read; fn(arg) is called once when it turns true again.
 */
bool rpc_is_writable(const struct rpc_call *call);
void rpc_on_writable(struct rpc_call *call, loop_fn fn, void *arg);

/* End the call; it is gone afterwards. message: for a person, NULL for none; no secret in it. */
void rpc_end(struct rpc_call *call, enum rpc_status status, const char *message);

/* rpc_send and rpc_end(OK) in one. */
void rpc_answer(struct rpc_call *call, const ProtobufCMessage *message);

#endif
