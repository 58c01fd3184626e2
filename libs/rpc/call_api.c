/* The half of server.h that handlers use. */
#include "libs/rpc/server.h"

#include "libs/rpc/call.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/response.h"
#include "libs/rpc/state.h"

#include <assert.h>

#define STREAM_SHARE \
    4U /* one stream may fill this fraction of its connection's send_buffer_max \
        */

struct bytes rpc_metadata(const struct rpc_call *call, const char *name)
{
    if (call->request == NULL || name[0] == ':')
        return (struct bytes){NULL, 0};
    return rpc_headers_find(&call->request->headers, bytes_of_text(name));
}

const char *rpc_trace_id(const struct rpc_call *call)
{
    return call->trace_id;
}

int64_t rpc_deadline_ms(const struct rpc_call *call)
{
    return call->deadline_ms;
}

void rpc_on_cancel(struct rpc_call *call, loop_fn fn, void *arg)
{
    assert(call->has_handler);
    call->cancel_fn = fn;
    call->cancel_arg = arg;
}

bool rpc_is_cancelled(const struct rpc_call *call)
{
    return call->is_cancelled;
}

static bool is_open(const struct rpc_call *call)
{
    return call->connection != NULL && !call->is_answered;
}

void rpc_add_metadata(struct rpc_call *call, const char *name, const char *value)
{
    if (!is_open(call))
        return;
    assert(!call->has_headers);
    bool has_room = rpc_headers_add(&call->metadata, bytes_of_text(name), bytes_of_text(value));
    assert(has_room);
    (void)has_room;
}

static void push(struct rpc_call *call, size_t before)
{
    call->connection->queued_bytes += rpc_queue_len(&call->queue) - before;
    rpc_response_push(call);
}

void rpc_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    assert(call->has_handler);
    if (!is_open(call))
        return;
    size_t before = rpc_queue_len(&call->queue);
    rpc_queue_put(&call->queue, message);
    push(call, before);
}

void rpc_call_send_bytes(struct rpc_call *call, struct bytes message)
{
    assert(call->has_handler);
    if (!is_open(call))
        return;
    size_t before = rpc_queue_len(&call->queue);
    rpc_queue_put_bytes(&call->queue, message);
    push(call, before);
}

bool rpc_is_writable(const struct rpc_call *call)
{
    if (!is_open(call))
        return false;
    size_t max = call->server->limits.send_buffer_max;
    return call->connection->queued_bytes < max && rpc_queue_len(&call->queue) < max / STREAM_SHARE;
}

void rpc_on_writable(struct rpc_call *call, loop_fn fn, void *arg)
{
    assert(call->has_handler);
    call->writable_fn = fn;
    call->writable_arg = arg;
    if (fn == NULL || !is_open(call))
        return;
    call->connection->has_writers = true;
    rpc_connection_touch(call->connection);
}

bool rpc_call_notify_writable(struct rpc_call *call)
{
    if (call->writable_fn == NULL || !rpc_is_writable(call))
        return false;
    loop_fn fn = call->writable_fn;
    call->writable_fn = NULL;
    fn(call->writable_arg);
    return true;
}

void rpc_end(struct rpc_call *call, enum rpc_status status, const char *message)
{
    assert(call->has_handler);
    rpc_call_end(call, status, message);
}

void rpc_answer(struct rpc_call *call, const ProtobufCMessage *message)
{
    rpc_send(call, message);
    rpc_end(call, RPC_OK, NULL);
}
