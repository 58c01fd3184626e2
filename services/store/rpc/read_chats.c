#include "services/store/rpc/chat_messages.h"
#include "services/store/rpc/read_arguments.h"
#include "services/store/rpc/read_call.h"
#include "services/store/rpc/read_handlers.h"

static void answer_user(struct read_call *call, const struct read_answer *answer)
{
    struct read_user user = query_merge(&answer->chat);
    chat_messages_user(call->rpc, &user);
    read_call_free(call);
}

void read_get_user(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    read_call_run(self, rpc, &request, answer_user);
}

static void answer_settings(struct read_call *call, const struct read_answer *answer)
{
    struct read_user user = query_merge(&answer->chat);
    chat_messages_settings(call->rpc, &user);
    read_call_free(call);
}

void read_get_user_settings(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserSettingsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    read_call_run(self, rpc, &request, answer_settings);
}

static void answer_stats(struct read_call *call, const struct read_answer *answer)
{
    struct read_user user = query_merge(&answer->chat);
    chat_messages_stats(call->rpc, &user);
    read_call_free(call);
}

void read_get_user_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserStatsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    read_call_run(self, rpc, &request, answer_stats);
}

static void answer_ad(struct read_call *call, const struct read_answer *answer)
{
    struct read_user user = query_merge(&answer->chat);
    chat_messages_ad(call->rpc, query_should_show_ad(&call->service->ad_rules, &user, call->now_s));
    read_call_free(call);
}

void read_should_show_ad(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__ShouldShowAdRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    struct read_call *call = read_call_new(self, rpc, &request, answer_ad);
    if (call == NULL)
        return;
    bool is_given =
        asked->now_presence_case == TELEFACT__STORE__V1__SHOULD_SHOW_AD_REQUEST__NOW_PRESENCE_NOW;
    call->now_s = read_arguments_now(is_given, asked->now);
    read_call_ask(call);
}

static void answer_profile(struct read_call *call, const struct read_answer *answer)
{
    chat_messages_profile(call->rpc, &answer->profile);
    read_call_free(call);
}

void read_get_profile(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetProfileRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_PROFILE, .user_id = asked->user_id};
    read_call_run(self, rpc, &request, answer_profile);
}
