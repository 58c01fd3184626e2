/*
 * app_rpc: the RPC side of a running store: reads with their pool, orders about rebuilds, and the
 * RPC server, on the main loop.
 */
#ifndef SERVICES_STORE_APP_RPC_H
#define SERVICES_STORE_APP_RPC_H

#include "libs/loop/loop.h"
#include "services/store/ingest.h"
#include "services/store/read_ports.h"
#include "services/store/settings.h"

struct app_rpc;

struct app_rpc_options {
    const struct store_settings *settings; /* borrowed */
    const char *conninfo;                  /* borrowed */
    struct ingest *ingest;                 /* for the lag; NULL: another process ingests */
};

/* What only the tokens' file can tell about the settings. ERR_REJECT. */
MUST_CHECK bool app_rpc_check(const struct store_settings *settings, struct err *err);

/* ERR_FATAL: the address or the tokens cannot be used. The database need not be there. */
MUST_CHECK bool app_rpc_open(struct loop *loop, const struct app_rpc_options *options,
                             struct app_rpc **out, struct err *err);
MUST_CHECK bool app_rpc_is_ready(const struct app_rpc *rpc, struct err *err); /* for /readyz */
struct read_store app_rpc_reads(struct app_rpc *rpc); /* what the RPCs are answered from */
void app_rpc_drain(struct app_rpc *rpc);              /* take no new calls */
bool app_rpc_is_idle(const struct app_rpc *rpc);      /* no call is open */
void app_rpc_free(struct app_rpc *rpc);               /* NULL is fine */

#endif
