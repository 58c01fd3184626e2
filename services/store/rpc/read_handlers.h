/* read_handlers: a function for each RPC of the read service; self is the read_service. Wrong
 * arguments end the call with INVALID_ARGUMENT and name the field. */
#ifndef SERVICES_STORE_RPC_READ_HANDLERS_H
#define SERVICES_STORE_RPC_READ_HANDLERS_H

#include "libs/rpc/server.h"

/* read_chats: about one chat */
void read_get_user(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_user_settings(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_user_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_should_show_ad(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_profile(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);

/* read_lists: streams of pages */
void read_get_user_videos(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_stats_by_period(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_user_ids(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_list_users(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);

/* read_statistics: about all of the bot */
void read_get_referral_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_other_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_bot_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);
void read_get_time_series(void *self, struct rpc_call *rpc, const ProtobufCMessage *message);

#endif
