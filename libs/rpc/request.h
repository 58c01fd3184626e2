/* request: the headers and the one message of a call, as they arrive. Pure. */
#ifndef LIBS_RPC_REQUEST_H
#define LIBS_RPC_REQUEST_H

#include "libs/rpc/auth.h"
#include "libs/rpc/frame.h"
#include "libs/rpc/headers.h"

#define RPC_HEADER_OVERHEAD 32U /* what HTTP/2 adds for each header of a list */
#define RPC_NO_TIMEOUT (-1)

struct rpc_request {
    struct rpc_headers headers; /* without authorization */
    struct rpc_frame frame;
    size_t header_left; /* what the header list may still grow by */
    int64_t timeout_ms; /* RPC_NO_TIMEOUT: the client gave none */
    bool is_over;       /* the header list is too large */
    bool is_post;
    bool is_grpc; /* the content type is gRPC with protobuf */
    bool is_timeout_bad;
    struct rpc_credential credential;
};

void rpc_request_init(struct rpc_request *request, size_t header_max, size_t message_max);
void rpc_request_done(struct rpc_request *request);

void rpc_request_header(struct rpc_request *request, struct bytes name, struct bytes value);

#endif
