/* list_messages: pages of lists as protobuf messages. Texts are copied; the message is sent and its
 * memory freed at once. The call goes on. */
#ifndef SERVICES_STORE_RPC_LIST_MESSAGES_H
#define SERVICES_STORE_RPC_LIST_MESSAGES_H

#include "libs/rpc/server.h"
#include "services/store/read_ports.h"

/* next_page_token "" in the last page */
void list_messages_user_videos(struct rpc_call *call, const struct read_downloads *downloads,
                               const char *next_page_token);
void list_messages_period(struct rpc_call *call, const struct read_downloads *downloads,
                          const char *next_page_token);
void list_messages_ids(struct rpc_call *call, const struct read_ids *ids,
                       const char *next_page_token);
void list_messages_users(struct rpc_call *call, const struct read_chats *chats,
                         const char *next_page_token);

#endif
