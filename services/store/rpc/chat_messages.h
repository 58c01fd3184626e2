/* chat_messages: answers about one chat as protobuf messages. Texts are copied; the message is sent
 * and its memory freed at once. */
#ifndef SERVICES_STORE_RPC_CHAT_MESSAGES_H
#define SERVICES_STORE_RPC_CHAT_MESSAGES_H

#include "libs/rpc/server.h"
#include "services/store/read_ports.h"
#include "telefact/store/v1/read_service.pb-c.h"

/* protobuf-c wants texts ended by NUL; the rows' texts are views. A zeroed one may be done. */
struct chat_message {
    Telefact__Store__V1__User user;
    char *lang;
    char *link;
};

void chat_message_init(struct chat_message *message, const struct read_user *row);
void chat_message_done(struct chat_message *message);

/* Each ends the call with OK. */
void chat_messages_user(struct rpc_call *call, const struct read_user *user);
void chat_messages_settings(struct rpc_call *call, const struct read_user *user);
void chat_messages_stats(struct rpc_call *call, const struct read_user *user);
void chat_messages_ad(struct rpc_call *call, bool show);
void chat_messages_profile(struct rpc_call *call, const struct read_profile *profile);

#endif
