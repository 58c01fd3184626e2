#include "libs/rpc/response.h"

#include "libs/rpc/connection.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#define OWN_HEADERS 4U /* :status, content-type, grpc-status, grpc-message */
#define NV_MAX (OWN_HEADERS + RPC_METADATA_COUNT_MAX)
#define STATUS_DIGITS_MAX 4U

static const char HTTP_TEXT[] = "This server speaks gRPC.\n";

struct block { /* a header block to be submitted; nghttp2 copies what is not a literal */
    nghttp2_nv items[NV_MAX];
    size_t count;
    char status[STATUS_DIGITS_MAX];
};

/* nghttp2 never writes through these pointers. */
static uint8_t *unconst(const char *text)
{
    union {
        const char *from;
        uint8_t *to;
    } pointer = {.from = text};
    return pointer.to;
}

static void add(struct block *block, struct bytes name, struct bytes value, uint8_t flags)
{
    assert(block->count < NV_MAX);
    block->items[block->count++] = (nghttp2_nv){
        .name = unconst(name.data),
        .value = unconst(value.data),
        .namelen = name.len,
        .valuelen = value.len,
        .flags = flags,
    };
}

static void add_literals(struct block *block)
{
    const uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    add(block, BYTES_LITERAL(":status"), BYTES_LITERAL("200"), flags);
    add(block, BYTES_LITERAL("content-type"), BYTES_LITERAL("application/grpc"), flags);
}

static void add_metadata(struct block *block, const struct rpc_call *call)
{
    size_t at = 0;
    struct bytes name;
    struct bytes value;
    while (rpc_headers_next(&call->metadata, &at, &name, &value))
        add(block, name, value, NGHTTP2_NV_FLAG_NONE);
}

static void add_status(struct block *block, const struct rpc_call *call)
{
    (void)snprintf(block->status, sizeof(block->status), "%u", (unsigned)call->status);
    add(block, BYTES_LITERAL("grpc-status"), bytes_of_text(block->status),
        NGHTTP2_NV_FLAG_NO_COPY_NAME);
    if (call->message != NULL)
        add(block, BYTES_LITERAL("grpc-message"), bytes_of_text(call->message),
            NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

/* What nghttp2 refuses here is a stream that is ending already. */
static void check(struct rpc_call *call, int result)
{
    if (result != 0)
        rpc_response_reset(call);
}

static int submit_trailers(const struct rpc_call *call)
{
    struct block block = {.count = 0};
    add_status(&block, call);
    return nghttp2_submit_trailer(call->connection->session, call->stream_id, block.items,
                                  block.count);
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2's signature */
static ssize_t read_queue(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t room,
                          uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
    (void)session;
    (void)stream_id;
    (void)user_data;
    struct rpc_call *call = source->ptr;
    size_t taken = rpc_queue_take(&call->queue, out, room);
    call->connection->queued_bytes -= taken;
    bool is_empty = rpc_queue_len(&call->queue) == 0;
    if (is_empty && call->is_answered) {
        *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (submit_trailers(call) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    } else if (taken == 0) {
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)taken;
}

void rpc_response_push(struct rpc_call *call)
{
    nghttp2_session *session = call->connection->session;
    rpc_connection_touch(call->connection);
    if (call->has_headers) {
        /* Refused when the stream is not waiting for data; then it will come for it by itself. */
        (void)nghttp2_session_resume_data(session, call->stream_id);
        return;
    }
    call->has_headers = true;
    struct block block = {.count = 0};
    add_literals(&block);
    add_metadata(&block, call);
    const nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_queue};
    check(call,
          nghttp2_submit_response(session, call->stream_id, block.items, block.count, &provider));
}

void rpc_response_finish(struct rpc_call *call)
{
    if (call->has_headers) {
        rpc_response_push(call);
        return;
    }
    call->has_headers = true;
    rpc_connection_touch(call->connection);
    struct block block = {.count = 0};
    add_literals(&block);
    add_metadata(&block, call);
    add_status(&block, call);
    check(call, nghttp2_submit_response(call->connection->session, call->stream_id, block.items,
                                        block.count, NULL));
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2's signature */
static ssize_t read_text(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
    (void)session;
    (void)stream_id;
    (void)user_data;
    struct rpc_call *call = source->ptr;
    size_t left = sizeof(HTTP_TEXT) - 1 - call->http_sent;
    size_t taken = left < room ? left : room;
    memcpy(out, HTTP_TEXT + call->http_sent, taken);
    call->http_sent += taken;
    if (taken == left)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)taken;
}

void rpc_response_http(struct rpc_call *call, const char *status)
{
    call->has_headers = true;
    rpc_connection_touch(call->connection);
    struct block block = {.count = 0};
    add(&block, BYTES_LITERAL(":status"), bytes_of_text(status), NGHTTP2_NV_FLAG_NO_COPY_NAME);
    add(&block, BYTES_LITERAL("content-type"), BYTES_LITERAL("text/plain"),
        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
    const nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_text};
    check(call, nghttp2_submit_response(call->connection->session, call->stream_id, block.items,
                                        block.count, &provider));
}

void rpc_response_reset(struct rpc_call *call)
{
    rpc_connection_touch(call->connection);
    (void)nghttp2_submit_rst_stream(call->connection->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
}
