/* read_arguments: what several requests hold. */
#ifndef SERVICES_STORE_RPC_READ_ARGUMENTS_H
#define SERVICES_STORE_RPC_READ_ARGUMENTS_H

#include "libs/rpc/server.h"
#include "services/store/read_ports.h"
#include "telefact/store/v1/read_service.pb-c.h"

/* False: the call was ended, because the class is none of ours. */
bool read_arguments_class(struct rpc_call *rpc, Telefact__Store__V1__ChatClass number,
                          enum chat_class standard, enum chat_class *out);

/* now, or the clock in unix seconds when it is not given. */
int64_t read_arguments_now(bool is_given, int64_t now);

#endif
