#include "libs/rpc/call_refuse.h"

#include "libs/rpc/state.h"

#include <stdio.h>

static const enum rpc_status STATUS_OF[RPC_REFUSALS] = {
    [RPC_LARGE_HEADERS] = RPC_RESOURCE_EXHAUSTED, [RPC_NO_TOKEN] = RPC_UNAUTHENTICATED,
    [RPC_NOT_BUILT] = RPC_UNIMPLEMENTED,          [RPC_TOO_MUCH_AT_ONCE] = RPC_RESOURCE_EXHAUSTED,
    [RPC_WRONG_TIMEOUT] = RPC_INVALID_ARGUMENT,   [RPC_LARGE_MESSAGE] = RPC_RESOURCE_EXHAUSTED,
    [RPC_UNKNOWN_CODING] = RPC_UNIMPLEMENTED,     [RPC_WRONG_FRAMING] = RPC_INTERNAL,
    [RPC_NOT_ONE_MESSAGE] = RPC_UNIMPLEMENTED,    [RPC_WRONG_MESSAGE] = RPC_INVALID_ARGUMENT,
};

void rpc_refuse_tell(const struct rpc_call *call, enum rpc_refusal refusal, const char *detail)
{
    rpc_server_refused(
        call->server, &(struct rpc_refused){refusal, rpc_call_label(call), detail, call->trace_id});
}

void rpc_refuse_telling(struct rpc_call *call, enum rpc_refusal refusal, const char *message,
                        const char *told)
{
    rpc_refuse_tell(call, refusal, told);
    rpc_call_decide(call, STATUS_OF[refusal], message);
}

void rpc_refuse(struct rpc_call *call, enum rpc_refusal refusal, const char *message)
{
    rpc_refuse_telling(call, refusal, message, message);
}

void rpc_refuse_http(struct rpc_call *call, enum rpc_refusal refusal, const char *status)
{
    rpc_refuse_tell(call, refusal, status);
    rpc_call_decide_http(call, status);
}

static void refuse_compressed(struct rpc_call *call)
{
    struct bytes coding = rpc_headers_find(&call->request->headers, BYTES_LITERAL("grpc-encoding"));
    if (coding.len == 0 || bytes_equal(coding, BYTES_LITERAL("identity"))) {
        rpc_refuse(call, RPC_WRONG_FRAMING, "compressed message without grpc-encoding");
        return;
    }
    char text[128];
    (void)snprintf(text, sizeof(text), "grpc-encoding %.*s is not supported",
                   (int)(coding.len < 64 ? coding.len : 64), coding.data);
    rpc_add_metadata(call, "grpc-accept-encoding", "identity");
    rpc_refuse_telling(call, RPC_UNKNOWN_CODING, text, "grpc-encoding is not supported");
}

void rpc_refuse_frame(struct rpc_call *call, enum rpc_frame_fault fault)
{
    char text[96];
    switch (fault) {
    case RPC_FRAME_FINE:
        return;
    case RPC_FRAME_TOO_LARGE:
        (void)snprintf(text, sizeof(text), "request message is larger than %zu bytes",
                       call->server->limits.message_max);
        rpc_refuse(call, RPC_LARGE_MESSAGE, text);
        return;
    case RPC_FRAME_COMPRESSED:
        refuse_compressed(call);
        return;
    case RPC_FRAME_BAD_FLAG:
        rpc_refuse(call, RPC_WRONG_FRAMING, "unknown flag of a message");
        return;
    case RPC_FRAME_SECOND:
        rpc_refuse(call, RPC_NOT_ONE_MESSAGE, RPC_ONE_MESSAGE);
        return;
    }
}
