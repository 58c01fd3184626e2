/* admin_refusals: what AdminService refuses; the codes are those of docs/refusals.md. */
#ifndef SERVICES_STORE_RPC_ADMIN_REFUSALS_H
#define SERVICES_STORE_RPC_ADMIN_REFUSALS_H

#include "libs/rpc/server.h"
#include "services/store/rebuild_orders.h"

enum admin_refusal {
    ADMIN_OFF,
    ADMIN_INVALID_ARGUMENT,
    ADMIN_NOT_FOUND,
    ADMIN_WRONG_STATE,
    ADMIN_UNAVAILABLE,
    ADMIN_TOO_MANY,
};
#define ADMIN_REFUSALS 6

void admin_refusals_add(void); /* once, before threads start */

/* End the call with the refusal's status; `error` is told to the caller and the log. */
void admin_refuse(struct rpc_call *rpc, enum admin_refusal refusal, const char *error);

/* The same for an order that was not done. */
void admin_refuse_answer(struct rpc_call *rpc, const struct rebuild_answer *answer);

#endif
