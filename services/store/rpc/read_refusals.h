/* read_refusals: what the read service refuses; the codes are those of docs/refusals.md. */
#ifndef SERVICES_STORE_RPC_READ_REFUSALS_H
#define SERVICES_STORE_RPC_READ_REFUSALS_H

#include "libs/rpc/server.h"

enum read_refusal { READ_INVALID_ARGUMENT, READ_UNAVAILABLE, READ_TOO_MANY_WAIT };
#define READ_REFUSALS 3

void read_refusals_add(void); /* once, before threads start */

/* End the call with the refusal's status; `error` is told to the caller and the log. */
void read_refuse(struct rpc_call *rpc, enum read_refusal refusal, const char *error);

#endif
