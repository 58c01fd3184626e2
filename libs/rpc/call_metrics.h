/*
 * call_metrics: calls by method and status, and their durations by method, for /metrics, and a line
 * for what the server refuses by itself.
 *
 * Series are named from the services' descriptors, so no caller can grow them; calls of unknown
 * methods count as method "other". One set a process. The hook is called on one thread.
 */
#ifndef LIBS_RPC_CALL_METRICS_H
#define LIBS_RPC_CALL_METRICS_H

#include "libs/rpc/server.h"

/* Once, before threads start. The memory stays for ever. */
void rpc_call_metrics_add(const struct rpc_service *services, size_t count);

/* For rpc_options. */
struct rpc_metrics_hook rpc_call_metrics_hook(void);

#endif
