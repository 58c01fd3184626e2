#include "libs/rpc/credit.h"

void rpc_credit_init(struct rpc_credit *credit, int64_t now_ms)
{
    *credit = (struct rpc_credit){RPC_CREDIT_MAX, now_ms};
}

void rpc_credit_earn(struct rpc_credit *credit, int gain)
{
    credit->left += gain;
    if (credit->left > RPC_CREDIT_MAX)
        credit->left = RPC_CREDIT_MAX;
}

bool rpc_credit_spend(struct rpc_credit *credit, int cost, int64_t now_ms)
{
    if (credit->left < cost && now_ms > credit->refilled_ms) {
        int64_t elapsed_ms = now_ms - credit->refilled_ms;
        int64_t gain =
            elapsed_ms >= RPC_CREDIT_MAX ? RPC_CREDIT_MAX : elapsed_ms * RPC_CREDIT_PER_MS;
        rpc_credit_earn(credit, (int)gain);
        credit->refilled_ms = now_ms;
    }
    if (credit->left < cost)
        return false;
    credit->left -= cost;
    return true;
}
