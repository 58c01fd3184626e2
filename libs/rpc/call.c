#include "libs/rpc/call.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/rpc/call_refuse.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/response.h"
#include "libs/rpc/scan.h"
#include "libs/rpc/state.h"
#include "libs/rpc/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LINGER_MS 1000 /* how long an answer may still be on its way after the deadline */
#define HEAP_FACTOR \
    8U /* an unpacked message may be this much larger than the largest packed one \
        */
#define RECEIVING_FACTOR \
    64U /* largest messages that may be half received at once, in all connections */
#define UNREAD_FACTOR \
    8U /* answers over this many send_buffer_max: no new calls on the connection */
#define ORPHANS_MAX 1000 /* cancelled calls that handlers have not ended yet */
#define ENDLESS_MS INT64_MAX

static void link_to(struct rpc_call *call, struct rpc_call **list)
{
    call->next = *list;
    call->link = list;
    if (call->next != NULL)
        call->next->link = &call->next;
    *list = call;
}

static void unlink_from_list(struct rpc_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
}

struct rpc_call *rpc_call_new(struct rpc_connection *connection, int32_t stream_id)
{
    struct rpc_server *server = connection->server;
    const struct rpc_limits *limits = &server->limits;
    struct rpc_call *call = mem_alloc(sizeof(*call));
    call->server = server;
    call->connection = connection;
    call->stream_id = stream_id;
    call->started_us = now_monotonic_us();
    call->deadline_ms = call->started_us / 1000 + limits->default_deadline_ms;
    call->request = mem_alloc(sizeof(*call->request));
    rpc_request_init(call->request, limits->header_max, limits->message_max);
    rpc_headers_init(&call->metadata, limits->header_max);
    rpc_queue_init(&call->queue);
    link_to(call, &connection->calls);
    server->call_count++;
    rpc_connection_wake_at(connection, call->deadline_ms);
    return call;
}

static void drop_request(struct rpc_call *call)
{
    if (call->request == NULL)
        return;
    if (call->server != NULL)
        call->server->receiving_bytes -= call->request->frame.message.len;
    rpc_request_done(call->request);
    free(call->request);
    call->request = NULL;
}

static void free_call(struct rpc_call *call)
{
    drop_request(call);
    rpc_queue_done(&call->queue);
    rpc_headers_done(&call->metadata);
    free(call->message);
    free(call);
}

const char *rpc_call_label(const struct rpc_call *call)
{
    return call->method == NULL ? "unknown" : call->method->label;
}

static void report(const struct rpc_call *call, enum rpc_status status)
{
    const struct rpc_metrics_hook *hook = &call->server->hook;
    if (status == RPC_DEADLINE_EXCEEDED) /* whoever noticed it first */
        rpc_refuse_tell(call, RPC_LATE, "deadline exceeded");
    if (hook->on_end != NULL)
        hook->on_end(hook->self, rpc_call_label(call), status,
                     now_monotonic_us() - call->started_us);
}

void rpc_call_decide(struct rpc_call *call, enum rpc_status status, const char *message)
{
    call->is_answered = true;
    call->status = status;
    if (message != NULL && message[0] != '\0')
        call->message = rpc_percent_encode(bytes_of_text(message));
    if (!call->is_in_handler)
        drop_request(call);
    if (call->deadline_ms == ENDLESS_MS)
        call->deadline_ms = now_monotonic_ms();
    rpc_connection_wake_at(call->connection, rpc_call_wake_at(call));
    report(call, status);
    rpc_response_finish(call);
}

void rpc_call_decide_http(struct rpc_call *call, const char *status)
{
    call->is_answered = true;
    drop_request(call);
    report(call, RPC_UNKNOWN);
    rpc_response_http(call, status);
}

static void fire_cancel(struct rpc_call *call)
{
    loop_fn fn = call->cancel_fn;
    call->cancel_fn = NULL;
    call->writable_fn = NULL;
    if (fn != NULL)
        fn(call->cancel_arg);
}

void rpc_call_header(struct rpc_call *call, struct bytes name, struct bytes value)
{
    if (call->request != NULL)
        rpc_request_header(call->request, name, value);
}

/* Whether the request may go on to a handler, judged by its headers; if not, it was answered. */
static bool is_http_fine(struct rpc_call *call)
{
    const struct rpc_request *request = call->request;
    char text[96];
    if (request->is_over) {
        (void)snprintf(text, sizeof(text), "request headers are larger than %zu bytes",
                       call->server->limits.header_max);
        rpc_refuse(call, RPC_LARGE_HEADERS, text);
        return false;
    }
    if (request->is_post && request->is_grpc)
        return true;
    if (request->is_post)
        rpc_refuse_http(call, RPC_NOT_GRPC, "415");
    else
        rpc_refuse_http(call, RPC_WRONG_METHOD, "405");
    return false;
}

static bool is_method_fine(struct rpc_call *call)
{
    const struct rpc_server *server = call->server;
    struct bytes path = rpc_headers_find(&call->request->headers, BYTES_LITERAL(":path"));
    const struct rpc_method *method = rpc_methods_find(&server->methods, path);
    call->method = method;
    bool is_public = method != NULL && method->is_public;
    const struct rpc_auth *auth = &server->auths[method == NULL ? 0 : method->auth];
    if (!is_public && !rpc_auth_is_accepted(auth, &call->request->credential)) {
        rpc_refuse(call, RPC_NO_TOKEN, "unauthenticated");
        return false;
    }
    if (method != NULL && (method->handler != NULL || method->bytes_fn != NULL))
        return true;
    char text[256];
    const char *why = method == NULL ? "unknown method" : "not built";
    (void)snprintf(text, sizeof(text), "%s: %.*s", why, (int)(path.len < 200 ? path.len : 200),
                   path.data == NULL ? "" : path.data);
    rpc_refuse_telling(call, RPC_NOT_BUILT, text, why);
    return false;
}

static bool is_load_fine(struct rpc_call *call)
{
    const struct rpc_server *server = call->server;
    const char *text = NULL;
    if (call->connection->queued_bytes / UNREAD_FACTOR > server->limits.send_buffer_max)
        text = "earlier answers are not being read";
    else if (server->orphan_count >= ORPHANS_MAX)
        text = "too many cancelled calls are still being ended";
    if (text != NULL)
        rpc_refuse(call, RPC_TOO_MUCH_AT_ONCE, text);
    return text == NULL;
}

static void set_deadline(struct rpc_call *call)
{
    const struct rpc_limits *limits = &call->server->limits;
    int64_t timeout_ms = call->request->timeout_ms;
    if (timeout_ms == RPC_NO_TIMEOUT && call->method->is_endless) {
        call->deadline_ms = ENDLESS_MS;
        return;
    }
    if (timeout_ms == RPC_NO_TIMEOUT)
        timeout_ms = limits->default_deadline_ms;
    if (timeout_ms > limits->max_deadline_ms && !call->method->is_endless)
        timeout_ms = limits->max_deadline_ms;
    call->deadline_ms = call->started_us / 1000 + timeout_ms;
    rpc_connection_wake_at(call->connection, call->deadline_ms);
}

void rpc_call_headers_end(struct rpc_call *call)
{
    trace_id_of(rpc_headers_find(&call->request->headers, BYTES_LITERAL("traceparent")),
                call->trace_id);
    if (!is_http_fine(call) || !is_method_fine(call) || !is_load_fine(call))
        return;
    if (call->request->is_timeout_bad)
        rpc_refuse(call, RPC_WRONG_TIMEOUT, "grpc-timeout is malformed");
    else
        set_deadline(call);
}

void rpc_call_data(struct rpc_call *call, struct bytes data)
{
    if (call->request == NULL)
        return;
    struct rpc_server *server = call->server;
    struct rpc_frame *frame = &call->request->frame;
    size_t before = frame->message.len;
    enum rpc_frame_fault fault = rpc_frame_put(frame, data);
    server->receiving_bytes += frame->message.len - before;
    if (fault != RPC_FRAME_FINE)
        rpc_refuse_frame(call, fault);
    else if (server->receiving_bytes / RECEIVING_FACTOR > server->limits.message_max)
        rpc_refuse(call, RPC_TOO_MUCH_AT_ONCE, "too many large requests at once");
}

static void *unpack_alloc(void *data, size_t size)
{
    (void)data;
    return mem_alloc(size);
}

static void unpack_free(void *data, void *p)
{
    (void)data;
    free(p);
}

static ProtobufCAllocator unpack_memory = {unpack_alloc, unpack_free, NULL};

static void hand_over_bytes(struct rpc_call *call, struct bytes bytes)
{
    call->has_handler = true;
    call->is_in_handler = true;
    call->method->bytes_fn(call->method->self, call, bytes);
    call->is_in_handler = false;
}

static void hand_over_message(struct rpc_call *call, struct bytes bytes)
{
    const ProtobufCMessageDescriptor *type = call->method->input;
    struct err err;
    size_t heap_max = call->server->limits.message_max * HEAP_FACTOR;
    if (!rpc_scan(type, bytes, heap_max, &err)) {
        rpc_refuse(call, RPC_WRONG_MESSAGE, err.text);
        return;
    }
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &unpack_memory, bytes.len, (const uint8_t *)bytes.data);
    if (message == NULL) {
        char text[160];
        (void)snprintf(text, sizeof(text), "request is not a %s", type->name);
        rpc_refuse(call, RPC_WRONG_MESSAGE, text);
        return;
    }
    call->has_handler = true;
    call->is_in_handler = true;
    call->method->handler(call->method->self, call, message);
    call->is_in_handler = false;
    protobuf_c_message_free_unpacked(message, &unpack_memory);
}

void rpc_call_request_end(struct rpc_call *call)
{
    if (call->request == NULL)
        return;
    const struct rpc_frame *frame = &call->request->frame;
    if (frame->prefix_len == 0) {
        rpc_refuse(call, RPC_NOT_ONE_MESSAGE, RPC_ONE_MESSAGE);
        return;
    }
    if (!rpc_frame_is_whole(frame)) {
        rpc_refuse(call, RPC_WRONG_FRAMING, "request message is cut off");
        return;
    }
    /* Until here returns the stream holds the call, whatever the handler does. */
    struct bytes bytes = buf_bytes(&frame->message);
    if (call->method->bytes_fn != NULL)
        hand_over_bytes(call, bytes);
    else
        hand_over_message(call, bytes);
    drop_request(call);
}

void rpc_call_stream_gone(struct rpc_call *call)
{
    struct rpc_server *server = call->server;
    struct rpc_connection *connection = call->connection;
    bool is_news = !call->is_answered;
    connection->queued_bytes -= rpc_queue_len(&call->queue);
    connection->idle_since_ms = now_monotonic_ms();
    rpc_connection_wake_at(connection, connection->idle_since_ms + server->limits.idle_ms);
    call->connection = NULL;
    unlink_from_list(call);
    if (is_news)
        report(call, RPC_CANCELLED);
    if (!call->has_handler) {
        server->call_count--;
        free_call(call);
        return;
    }
    rpc_queue_done(&call->queue);
    link_to(call, &server->orphans);
    server->orphan_count++;
    if (is_news) {
        call->is_cancelled = true;
        fire_cancel(call);
    }
}

void rpc_call_server_gone(struct rpc_call *call)
{
    unlink_from_list(call);
    drop_request(call);
    call->server = NULL;
}

void rpc_call_end(struct rpc_call *call, enum rpc_status status, const char *message)
{
    call->has_handler = false;
    call->cancel_fn = NULL;
    call->writable_fn = NULL;
    if (call->connection != NULL) {
        if (!call->is_answered)
            rpc_call_decide(call, status, message);
        return;
    }
    if (call->server != NULL) {
        unlink_from_list(call);
        call->server->orphan_count--;
        call->server->call_count--;
    }
    free_call(call);
}

void rpc_call_check_deadline(struct rpc_call *call, int64_t now_ms)
{
    if (now_ms < rpc_call_wake_at(call))
        return;
    if (call->is_answered) {
        call->is_reset = true;
        rpc_response_reset(call);
        return;
    }
    size_t before = rpc_queue_len(&call->queue);
    rpc_queue_cut(&call->queue);
    call->connection->queued_bytes -= before - rpc_queue_len(&call->queue);
    call->is_cancelled = true;
    rpc_call_decide(call, RPC_DEADLINE_EXCEEDED, "deadline exceeded");
    fire_cancel(call);
}

int64_t rpc_call_wake_at(const struct rpc_call *call)
{
    if (call->is_reset || call->deadline_ms == ENDLESS_MS)
        return INT64_MAX;
    return call->is_answered ? call->deadline_ms + LINGER_MS : call->deadline_ms;
}
