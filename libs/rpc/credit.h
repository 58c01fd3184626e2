/* credit: how many frames without use a peer may send; refilled by time and by the work we do for
 * it. Pure. */
#ifndef LIBS_RPC_CREDIT_H
#define LIBS_RPC_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#define RPC_CREDIT_MAX 10000
#define RPC_CREDIT_PER_MS 1

struct rpc_credit {
    int64_t left;
    int64_t refilled_ms;
};

void rpc_credit_init(struct rpc_credit *credit, int64_t now_ms);

/* False: the peer overdrew its credit. */
bool rpc_credit_spend(struct rpc_credit *credit, int cost, int64_t now_ms);
void rpc_credit_earn(struct rpc_credit *credit, int gain);

#endif
