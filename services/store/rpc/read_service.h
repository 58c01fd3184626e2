/*
 * read_service: telefact.store.v1.ReadService over the read_store port.
 *
 * Each call: wait for telefact-min-position if the caller gave one, ask, check that the answer
 * covers it, answer with position, generation and lag as metadata. A call that is cancelled or late
 * cancels its question. Runs on the RPC loop.
 */
#ifndef SERVICES_STORE_RPC_READ_SERVICE_H
#define SERVICES_STORE_RPC_READ_SERVICE_H

#include "libs/rpc/server.h"
#include "services/store/position_wait.h"
#include "services/store/query.h"
#include "services/store/read_ports.h"

struct read_service {
    struct read_store store;
    struct position_wait *wait;
    struct ad_rules ad_rules;
    /* Age of the newest applied event while events wait, 0 when none do, -1 when this process does
     * not know. */
    int64_t (*lag_ms)(void *self);
    void *lag_self;
};

/* Once, before threads start. */
void read_service_add_metrics(void);

/* What rpc_server_open takes; `service` must outlive the server. */
struct rpc_service read_service_describe(struct read_service *service);

#endif
