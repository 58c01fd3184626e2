#include "services/store/rpc/read_service.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/ops/refusals.h"
#include "services/store/rpc/read_messages.h"
#include "telefact/store/v1/read_service.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct read_call;
typedef void (*answer_fn)(struct read_call *call, const struct read_answer *answer);

/* One call from its request to its end. At most one of ticket and waiter is open. */
struct read_call {
    struct read_service *service;
    struct rpc_call *rpc;
    struct read_request request;
    struct position min; /* empty: none asked for */
    answer_fn answer;    /* ends the call or goes on with the next page */
    struct read_ticket *ticket;
    struct position_waiter *waiter;
    int64_t now_s;         /* ShouldShowAd */
    bool has_sent_headers; /* streams: the first page carries the metadata */
};

/* What the caller is told at a refusal, and what it counts as. */
enum { INVALID_ARGUMENT, NOT_BUILT, UNAVAILABLE, TOO_MANY_WAIT, REFUSALS };

static const enum rpc_status STATUS_OF[REFUSALS] = {
    [INVALID_ARGUMENT] = RPC_INVALID_ARGUMENT,
    [NOT_BUILT] = RPC_UNIMPLEMENTED,
    [UNAVAILABLE] = RPC_UNAVAILABLE,
    [TOO_MANY_WAIT] = RPC_RESOURCE_EXHAUSTED,
};
static struct refusal refusals[REFUSALS] = {
    [INVALID_ARGUMENT] = {.code = "invalid_argument", .msg = "read request is wrong"},
    [NOT_BUILT] = {.code = "not_built", .msg = "read request asks for what is not built yet"},
    [UNAVAILABLE] = {.code = "unavailable", .msg = "read request could not be answered"},
    [TOO_MANY_WAIT] = {.code = "too_many_wait", .msg = "too many read requests wait"},
};

void read_service_add_metrics(void)
{
    refusals_add("read", refusals, REFUSALS);
}

static void refuse(struct rpc_call *rpc, size_t refusal, const char *error)
{
    log_refusal(&refusals[refusal], LOG_TEXT("error", error));
    rpc_end(rpc, STATUS_OF[refusal], error);
}

static void call_free(struct read_call *call)
{
    position_done(&call->min);
    free(call);
}

static void call_end(struct read_call *call, enum rpc_status status, const char *message)
{
    rpc_end(call->rpc, status, message);
    call_free(call);
}

static void on_cancel(void *arg)
{
    struct read_call *call = arg;
    if (call->ticket != NULL)
        call->service->store.cancel(call->service->store.self, call->ticket);
    if (call->waiter != NULL)
        position_wait_cancel(call->service->wait, call->waiter);
    call_end(call, RPC_CANCELLED, NULL);
}

static void fail(struct read_call *call, const struct err *err)
{
    if (now_monotonic_ms() >= call->request.deadline_ms)
        rpc_end(call->rpc, RPC_DEADLINE_EXCEEDED, err->text); /* the server tells of it */
    else
        refuse(call->rpc, err->kind == ERR_REJECT ? TOO_MANY_WAIT : UNAVAILABLE, err->text);
    call_free(call);
}

static void add_metadata(struct read_call *call, const struct read_answer *answer)
{
    char text[32];
    if (call->has_sent_headers || answer->generation == 0)
        return;
    call->has_sent_headers = true;
    (void)snprintf(text, sizeof(text), "%" PRId32, answer->generation);
    rpc_add_metadata(call->rpc, "telefact-generation", text);

    char *position = mem_text(answer->position.data, answer->position.len);
    rpc_add_metadata(call->rpc, "telefact-position", position);
    free(position);

    int64_t lag_ms = call->service->lag_ms(call->service->lag_self);
    if (lag_ms < 0)
        return;
    (void)snprintf(text, sizeof(text), "%" PRId64, lag_ms);
    rpc_add_metadata(call->rpc, "telefact-lag-ms", text);
}

static void ask_or_wait(struct read_call *call, bool wait);

static void on_answer(void *arg, const struct read_answer *answer, const struct err *err)
{
    struct read_call *call = arg;
    call->ticket = NULL;
    if (answer == NULL) {
        fail(call, err);
        return;
    }
    /* The pointer may have moved to tables that are further back since the wait. */
    if (call->min.count > 0 && answer->generation != 0 &&
        !position_covers(answer->position, &call->min)) {
        ask_or_wait(call, true);
        return;
    }
    add_metadata(call, answer);
    call->answer(call, answer);
}

static void on_applied(void *arg, bool applied, const struct err *err)
{
    struct read_call *call = arg;
    call->waiter = NULL;
    if (applied)
        ask_or_wait(call, false);
    else
        fail(call, err);
}

static void ask_or_wait(struct read_call *call, bool wait)
{
    struct read_service *service = call->service;
    if (wait)
        call->waiter = position_wait_add(service->wait, &call->min, call->request.deadline_ms,
                                         on_applied, call);
    else
        call->ticket = service->store.ask(service->store.self, &call->request, on_answer, call);
}

/* Begin a call; NULL: it was ended already (a wrong argument). */
static struct read_call *call_begin(struct read_service *service, struct rpc_call *rpc,
                                    const struct read_request *request, answer_fn answer)
{
    struct err err;
    struct position min = {0};
    if (!position_parse(rpc_metadata(rpc, "telefact-min-position"), &min, &err)) {
        (void)err_prefix(&err, "telefact-min-position");
        refuse(rpc, INVALID_ARGUMENT, err.text);
        return NULL;
    }
    struct read_call *call = mem_alloc(sizeof(*call));
    call->service = service;
    call->rpc = rpc;
    call->request = *request;
    call->request.deadline_ms = rpc_deadline_ms(rpc);
    call->min = min;
    call->answer = answer;
    rpc_on_cancel(rpc, on_cancel, call);
    return call;
}

static void call_run(struct read_service *service, struct rpc_call *rpc,
                     const struct read_request *request, answer_fn answer)
{
    struct read_call *call = call_begin(service, rpc, request, answer);
    if (call != NULL)
        ask_or_wait(call, call->min.count > 0);
}

static bool get_chat_class(Telefact__Store__V1__ChatClass number, enum chat_class standard,
                           enum chat_class *out)
{
    switch (number) {
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_UNSPECIFIED:
        *out = standard;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_ALL:
        *out = CHAT_CLASS_EVERY;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_USERS:
        *out = CHAT_CLASS_USER;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_GROUPS:
        *out = CHAT_CLASS_GROUP;
        return true;
    case _TELEFACT__STORE__V1__CHAT_CLASS_IS_INT_SIZE:
        break;
    }
    return false;
}

static void answer_user(struct read_call *call, const struct read_answer *answer)
{
    read_messages_user(call->rpc, &answer->user);
    call_free(call);
}

static void get_user(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    call_run(self, rpc, &request, answer_user);
}

static void answer_settings(struct read_call *call, const struct read_answer *answer)
{
    read_messages_settings(call->rpc, &answer->user);
    call_free(call);
}

static void get_user_settings(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserSettingsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    call_run(self, rpc, &request, answer_settings);
}

static void answer_stats(struct read_call *call, const struct read_answer *answer)
{
    read_messages_stats(call->rpc, &answer->user);
    call_free(call);
}

static void get_user_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserStatsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    call_run(self, rpc, &request, answer_stats);
}

static void answer_ad(struct read_call *call, const struct read_answer *answer)
{
    read_messages_ad(call->rpc,
                     query_should_show_ad(&call->service->ad_rules, &answer->user, call->now_s));
    call_free(call);
}

static void should_show_ad(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__ShouldShowAdRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER, .user_id = asked->user_id};
    struct read_call *call = call_begin(self, rpc, &request, answer_ad);
    if (call == NULL)
        return;
    bool is_given =
        asked->now_presence_case == TELEFACT__STORE__V1__SHOULD_SHOW_AD_REQUEST__NOW_PRESENCE_NOW;
    call->now_s = is_given ? asked->now : now_unix_ms() / 1000;
    ask_or_wait(call, call->min.count > 0);
}

static void next_page(void *arg)
{
    ask_or_wait(arg, false);
}

static void answer_ids(struct read_call *call, const struct read_answer *answer)
{
    char token[QUERY_PAGE_TOKEN_MAX] = "";
    bool is_last = answer->ids.count < READ_IDS_PAGE;
    if (!is_last) {
        call->request.after_id = answer->ids.ids[answer->ids.count - 1];
        query_page_text(call->request.after_id, token);
    }
    read_messages_ids(call->rpc, &answer->ids, token);
    if (is_last)
        call_end(call, RPC_OK, NULL);
    else if (rpc_is_writable(call->rpc))
        next_page(call);
    else
        rpc_on_writable(call->rpc, next_page, call);
}

static void get_user_ids(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserIdsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER_IDS,
                                   .include_blocked = asked->include_blocked};
    struct err err;
    if (!get_chat_class(asked->chat_class, CHAT_CLASS_USER, &request.chat_class)) {
        refuse(rpc, INVALID_ARGUMENT, "chat_class: not a known value");
        return;
    }
    if (!query_page_parse(bytes_of_text(asked->page_token), &request.after_id, &err)) {
        refuse(rpc, INVALID_ARGUMENT, err.text);
        return;
    }
    call_run(self, rpc, &request, answer_ids);
}

static void answer_totals(struct read_call *call, const struct read_answer *answer)
{
    read_messages_totals(call->rpc, &answer->totals);
    call_free(call);
}

static void get_bot_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetBotStatsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_TOTALS};
    if (!get_chat_class(asked->chat_class, CHAT_CLASS_EVERY, &request.chat_class))
        refuse(rpc, INVALID_ARGUMENT, "chat_class: not a known value");
    else if (asked->seconds < 0)
        refuse(rpc, INVALID_ARGUMENT, "seconds: must not be negative");
    else if (asked->seconds > 0)
        refuse(rpc, NOT_BUILT, "seconds: only the whole history (0) is built yet");
    else
        call_run(self, rpc, &request, answer_totals);
}

static void answer_health(struct read_call *call, const struct read_answer *answer)
{
    (void)answer;
    read_messages_health(call->rpc);
    call_free(call);
}

static void healthcheck(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    (void)message;
    struct read_request request = {.kind = READ_PING};
    call_run(self, rpc, &request, answer_health);
}

static void answer_applied(struct read_call *call, const struct read_answer *answer)
{
    (void)answer;
    read_messages_applied(call->rpc);
    call_free(call);
}

static void wait_applied(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__WaitAppliedRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_FENCES};
    struct position position = {0};
    struct err err;
    if (!position_parse(bytes_of_text(asked->position), &position, &err)) {
        (void)err_prefix(&err, "position");
        refuse(rpc, INVALID_ARGUMENT, err.text);
        return;
    }
    struct read_call *call = call_begin(self, rpc, &request, answer_applied);
    if (call != NULL) {
        for (size_t i = 0; i < position.count; i++)
            position_raise(&call->min, position.entries[i].partition,
                           position.entries[i].next_offset);
        ask_or_wait(call, call->min.count > 0);
    }
    position_done(&position);
}

/* In the order of the proto; NULL is not built yet and answers UNIMPLEMENTED. */
static const rpc_handler_fn HANDLERS[] = {
    get_user,       get_user_settings, get_user_stats, NULL, /* GetUserVideos */
    NULL,                                                    /* GetStatsByPeriod */
    NULL,                                                    /* GetReferralStats */
    NULL,                                                    /* GetOtherStats */
    should_show_ad, get_user_ids,      get_bot_stats,  NULL, /* GetTimeSeries */
    NULL,                                                    /* GetProfile */
    healthcheck,    wait_applied,
};

struct rpc_service read_service_describe(struct read_service *service)
{
    return (struct rpc_service){
        .descriptor = &telefact__store__v1__read_service__descriptor,
        .handlers = HANDLERS,
        .self = service,
    };
}
