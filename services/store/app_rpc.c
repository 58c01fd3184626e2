#include "services/store/app_rpc.h"

#include "libs/base/mem.h"

#include <stdlib.h>

struct app_rpc {
    const struct ingest *ingest;
};

bool app_rpc_open(struct loop *loop, const struct app_rpc_options *options, struct app_rpc **out,
                  struct err *err)
{
    (void)loop;
    (void)err;
    struct app_rpc *rpc = mem_alloc(sizeof(*rpc));
    rpc->ingest = options->ingest;
    *out = rpc;
    return true;
}

bool app_rpc_is_ready(const struct app_rpc *rpc, struct err *err)
{
    (void)rpc;
    (void)err;
    return true;
}

void app_rpc_drain(struct app_rpc *rpc)
{
    (void)rpc;
}

bool app_rpc_is_idle(const struct app_rpc *rpc)
{
    (void)rpc;
    return true;
}

void app_rpc_free(struct app_rpc *rpc)
{
    free(rpc);
}
