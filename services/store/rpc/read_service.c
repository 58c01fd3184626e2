#include "services/store/rpc/read_service.h"

#include "services/store/rpc/read_call.h"
#include "services/store/rpc/read_handlers.h"
#include "services/store/rpc/read_refusals.h"
#include "telefact/store/v1/read_service.pb-c.h"

static void answer_health(struct read_call *call, const struct read_answer *answer)
{
    (void)answer;
    Telefact__Store__V1__HealthcheckResponse message =
        TELEFACT__STORE__V1__HEALTHCHECK_RESPONSE__INIT;
    message.ok = true;
    rpc_answer(call->rpc, &message.base);
    read_call_free(call);
}

static void healthcheck(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    (void)message;
    struct read_request request = {.kind = READ_PING};
    read_call_run(self, rpc, &request, answer_health);
}

static void answer_applied(struct read_call *call, const struct read_answer *answer)
{
    (void)answer;
    Telefact__Store__V1__WaitAppliedResponse message =
        TELEFACT__STORE__V1__WAIT_APPLIED_RESPONSE__INIT;
    message.applied = true;
    rpc_answer(call->rpc, &message.base);
    read_call_free(call);
}

static void wait_applied(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__WaitAppliedRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_FENCES};
    struct position position = {0};
    struct err err;
    if (!position_parse(bytes_of_text(asked->position), &position, &err)) {
        read_refuse(rpc, READ_INVALID_ARGUMENT, err.text);
        return;
    }
    struct read_call *call = read_call_new(self, rpc, &request, answer_applied);
    if (call != NULL) {
        read_call_need(call, &position);
        read_call_ask(call);
    }
    position_done(&position);
}

/* In the order of the proto. */
static const rpc_handler_fn HANDLERS[] = {
    read_get_user,
    read_get_user_settings,
    read_get_user_stats,
    read_get_user_videos,
    read_get_stats_by_period,
    read_get_referral_stats,
    read_get_other_stats,
    read_should_show_ad,
    read_get_user_ids,
    read_get_bot_stats,
    read_get_time_series,
    read_get_profile,
    healthcheck,
    wait_applied,
    read_list_users,
};

struct rpc_service read_service_describe(struct read_service *service)
{
    return (struct rpc_service){
        .descriptor = &telefact__store__v1__read_service__descriptor,
        .handlers = HANDLERS,
        .self = service,
    };
}
