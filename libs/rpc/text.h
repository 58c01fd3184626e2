/* text: the two text codings of gRPC's headers, grpc-timeout and grpc-message. Pure. */
#ifndef LIBS_RPC_TEXT_H
#define LIBS_RPC_TEXT_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define RPC_STATUS_TEXT_MAX \
    1024U /* bytes of a status message before encoding; longer ones are cut */

/* "<1 to 8 digits><H|M|S|m|u|n>" in milliseconds, rounded up. False: it is not that. */
MUST_CHECK bool rpc_timeout_parse(struct bytes text, int64_t *out_ms);

/* Percent-encode a status message (printable ASCII stays). Heap text, the caller frees it. */
char *rpc_percent_encode(struct bytes text);

#endif
