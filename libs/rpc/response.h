/* response: what a call's stream gets: headers, queued messages, trailers. Internal to this folder.
 */
#ifndef LIBS_RPC_RESPONSE_H
#define LIBS_RPC_RESPONSE_H

#include "libs/rpc/call.h"

#define RPC_METADATA_COUNT_MAX 16U /* of the response, set by our own handlers */

/* Messages were queued: headers first if need be, then send what flow control lets through. */
void rpc_response_push(struct rpc_call *call);

/* The call's status is decided: trailers after what is queued, or alone. */
void rpc_response_finish(struct rpc_call *call);

/* Not gRPC: an HTTP status and a line of text. */
void rpc_response_http(struct rpc_call *call, const char *status);

/* End the stream at once. */
void rpc_response_reset(struct rpc_call *call);

#endif
