/*
 * admin_service: telefact.store.v1.AdminService over the rebuild_desk.
 *
 * Each call is an order for the desk and its answer; a watch orders a look every second. A call
 * that is cancelled or late takes its order back if it has not begun. Runs on the RPC loop.
 */
#ifndef SERVICES_STORE_RPC_ADMIN_SERVICE_H
#define SERVICES_STORE_RPC_ADMIN_SERVICE_H

#include "libs/rpc/server.h"
#include "services/store/rebuild_desk.h"

#define ADMIN_WATCHES_MAX 16

struct admin_watch;

struct admin_service {
    struct loop *loop;
    struct rebuild_desk *desk; /* NULL: the service is off, every call is refused */
    /* Its own. */
    struct admin_watch *watches;
    int watch_count;
    bool is_draining;
};

/* What rpc_server_open takes; `service` and the tokens must outlive the server. */
struct rpc_service admin_service_describe(struct admin_service *service, const struct bytes *tokens,
                                          size_t token_count);

/* End the watches, and begin none any more. */
void admin_service_drain(struct admin_service *service);

#endif
