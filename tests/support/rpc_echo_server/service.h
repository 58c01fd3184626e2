/* service: telefact.test.v1.EchoService. It must live until its server was freed. */
#ifndef TESTS_RPC_ECHO_SERVICE_H
#define TESTS_RPC_ECHO_SERVICE_H

#include "libs/rpc/server.h"

struct echo_service {
    struct loop *loop;
    struct rpc_server *server; /* set once it is open */
    int64_t cancelled;
    int64_t ended;
    int64_t duration_us;
    char last_method[128];
    enum rpc_status last_status;
};

struct rpc_service echo_service_port(struct echo_service *service);
struct rpc_metrics_hook echo_service_hook(struct echo_service *service);

#endif
