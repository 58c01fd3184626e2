/* read_messages: answers as protobuf messages. Texts are copied; the message is sent and its memory
 * freed at once. */
#ifndef SERVICES_STORE_RPC_READ_MESSAGES_H
#define SERVICES_STORE_RPC_READ_MESSAGES_H

#include "libs/rpc/server.h"
#include "services/store/read_ports.h"

/* Each ends the call with OK. */
void read_messages_user(struct rpc_call *call, const struct read_user *user);
void read_messages_settings(struct rpc_call *call, const struct read_user *user);
void read_messages_stats(struct rpc_call *call, const struct read_user *user);
void read_messages_ad(struct rpc_call *call, bool show);
void read_messages_totals(struct rpc_call *call, const struct read_totals *totals);
void read_messages_health(struct rpc_call *call);
void read_messages_applied(struct rpc_call *call);

/* One message of the stream; the call goes on. */
void read_messages_ids(struct rpc_call *call, const struct read_ids *ids,
                       const char *next_page_token);

#endif
