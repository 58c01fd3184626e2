/* admin_messages: requests of AdminService as orders, answers as its messages. */
#ifndef SERVICES_STORE_RPC_ADMIN_MESSAGES_H
#define SERVICES_STORE_RPC_ADMIN_MESSAGES_H

#include "libs/rpc/server.h"
#include "services/store/rebuild_orders.h"
#include "services/store/replay_report.h"
#include "telefact/store/v1/admin_service.pb-c.h"

/* ERR_REJECT: a field is wrong, and named. The caller ends *out in any case. */
MUST_CHECK bool admin_messages_start(const Telefact__Store__V1__StartRebuildRequest *request,
                                     struct rebuild_order *out, struct err *err);

/* Answer the call with the list, and end it. */
void admin_messages_list(struct rpc_call *rpc, const struct rebuild_answer *answer);

/* `speed` NULL: not known. The detail is borrowed from the view. */
void admin_messages_progress(int generation, struct replay_view *view,
                             const struct replay_speed *speed,
                             Telefact__Store__V1__RebuildProgress *out);

#endif
