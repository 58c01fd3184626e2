/* admin_watch: the calls of WatchRebuild. */
#ifndef SERVICES_STORE_RPC_ADMIN_WATCH_H
#define SERVICES_STORE_RPC_ADMIN_WATCH_H

#include "services/store/rpc/admin_service.h"

/* Takes the call; generation 0: the one that is meant. */
void admin_watch_begin(struct admin_service *service, struct rpc_call *rpc, int generation);

void admin_watch_end_all(struct admin_service *service);

#endif
