#include "services/store/rpc/admin_refusals.h"

#include "libs/ops/refusals.h"

static const enum rpc_status STATUS_OF[ADMIN_REFUSALS] = {
    [ADMIN_OFF] = RPC_PERMISSION_DENIED,   [ADMIN_INVALID_ARGUMENT] = RPC_INVALID_ARGUMENT,
    [ADMIN_NOT_FOUND] = RPC_NOT_FOUND,     [ADMIN_WRONG_STATE] = RPC_FAILED_PRECONDITION,
    [ADMIN_UNAVAILABLE] = RPC_UNAVAILABLE, [ADMIN_TOO_MANY] = RPC_RESOURCE_EXHAUSTED,
};
static struct refusal refusals[ADMIN_REFUSALS] = {
    [ADMIN_OFF] = {.code = "off", .msg = "AdminService is off"},
    [ADMIN_INVALID_ARGUMENT] = {.code = "invalid_argument", .msg = "rebuild order is wrong"},
    [ADMIN_NOT_FOUND] = {.code = "not_found", .msg = "rebuild order is for nothing there is"},
    [ADMIN_WRONG_STATE] = {.code = "wrong_state", .msg = "rebuild order does not suit the state"},
    [ADMIN_UNAVAILABLE] = {.code = "unavailable", .msg = "rebuild order could not be done"},
    [ADMIN_TOO_MANY] = {.code = "too_many", .msg = "too many rebuild orders"},
};

void admin_refusals_add(void)
{
    refusals_add("rebuild", refusals, ADMIN_REFUSALS);
}

void admin_refuse(struct rpc_call *rpc, enum admin_refusal refusal, const char *error)
{
    log_refusal(&refusals[refusal], LOG_TEXT("error", error),
                LOG_SOME("trace_id", rpc_trace_id(rpc)));
    rpc_end(rpc, STATUS_OF[refusal], error);
}

void admin_refuse_answer(struct rpc_call *rpc, const struct rebuild_answer *answer)
{
    static const enum admin_refusal REFUSAL_OF[] = {
        [REBUILD_NOT_FOUND] = ADMIN_NOT_FOUND,
        [REBUILD_REFUSED] = ADMIN_WRONG_STATE,
        [REBUILD_UNWELL] = ADMIN_UNAVAILABLE,
    };
    admin_refuse(rpc, REFUSAL_OF[answer->outcome], answer->text);
}
