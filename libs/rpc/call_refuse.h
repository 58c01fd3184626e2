/* call_refuse: calls that end before a handler has them: told to the hook, then answered. Internal
 * to this folder. */
#ifndef LIBS_RPC_CALL_REFUSE_H
#define LIBS_RPC_CALL_REFUSE_H

#include "libs/rpc/call.h"

#define RPC_ONE_MESSAGE "this method takes exactly one request message"

/* Tell the hook alone. */
void rpc_refuse_tell(const struct rpc_call *call, enum rpc_refusal refusal, const char *detail);

void rpc_refuse(struct rpc_call *call, enum rpc_refusal refusal, const char *message);

/* What the client said of itself may stand in its answer, but not in a log: `told` is all ours. */
void rpc_refuse_telling(struct rpc_call *call, enum rpc_refusal refusal, const char *message,
                        const char *told);

/* Answer what is no gRPC with a status of HTTP. */
void rpc_refuse_http(struct rpc_call *call, enum rpc_refusal refusal, const char *status);

void rpc_refuse_frame(struct rpc_call *call, enum rpc_frame_fault fault);

#endif
