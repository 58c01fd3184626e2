#include "services/store/rpc/read_refusals.h"

#include "libs/ops/refusals.h"

static const enum rpc_status STATUS_OF[READ_REFUSALS] = {
    [READ_INVALID_ARGUMENT] = RPC_INVALID_ARGUMENT,
    [READ_UNAVAILABLE] = RPC_UNAVAILABLE,
    [READ_TOO_MANY_WAIT] = RPC_RESOURCE_EXHAUSTED,
};
static struct refusal refusals[READ_REFUSALS] = {
    [READ_INVALID_ARGUMENT] = {.code = "invalid_argument", .msg = "read request is wrong"},
    [READ_UNAVAILABLE] = {.code = "unavailable", .msg = "read request could not be answered"},
    [READ_TOO_MANY_WAIT] = {.code = "too_many_wait", .msg = "too many read requests wait"},
};

void read_refusals_add(void)
{
    refusals_add("read", refusals, READ_REFUSALS);
}

void read_refuse(struct rpc_call *rpc, enum read_refusal refusal, const char *error)
{
    log_refusal(&refusals[refusal], LOG_TEXT("error", error),
                LOG_SOME("trace_id", rpc_trace_id(rpc)));
    rpc_end(rpc, STATUS_OF[refusal], error);
}
