#include "libs/rpc/request.h"

#include "libs/rpc/text.h"

#include <string.h>

void rpc_request_init(struct rpc_request *request, size_t header_max, size_t message_max)
{
    *request = (struct rpc_request){.header_left = header_max, .timeout_ms = RPC_NO_TIMEOUT};
    rpc_headers_init(&request->headers, header_max);
    rpc_frame_init(&request->frame, message_max);
}

void rpc_request_done(struct rpc_request *request)
{
    rpc_headers_done(&request->headers);
    rpc_frame_done(&request->frame);
}

static bool is_name(struct bytes name, const char *text)
{
    return bytes_equal(name, bytes_of_text(text));
}

static bool cut_prefix(struct bytes *text, struct bytes prefix)
{
    if (text->len < prefix.len || memcmp(text->data, prefix.data, prefix.len) != 0)
        return false;
    *text = (struct bytes){text->data + prefix.len, text->len - prefix.len};
    return true;
}

/* "application/grpc", "application/grpc+proto", either with parameters. */
static bool is_grpc_type(struct bytes value)
{
    if (!cut_prefix(&value, BYTES_LITERAL("application/grpc")))
        return false;
    (void)cut_prefix(&value, BYTES_LITERAL("+proto"));
    return value.len == 0 || value.data[0] == ';';
}

void rpc_request_header(struct rpc_request *request, struct bytes name, struct bytes value)
{
    size_t size = name.len + value.len + RPC_HEADER_OVERHEAD;
    if (request->is_over || size > request->header_left) {
        request->is_over = true;
        return;
    }
    request->header_left -= size;

    if (is_name(name, "authorization")) { /* digested here, so that no token stays in memory */
        rpc_credential_read(value, &request->credential);
        return;
    }
    if (is_name(name, ":method"))
        request->is_post = is_name(value, "POST");
    else if (is_name(name, "content-type"))
        request->is_grpc = is_grpc_type(value);
    else if (is_name(name, "grpc-timeout"))
        request->is_timeout_bad = !rpc_timeout_parse(value, &request->timeout_ms);
    if (!rpc_headers_add(&request->headers, name, value))
        request->is_over = true;
}
