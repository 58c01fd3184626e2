#include "services/store/rpc/admin_service.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "services/store/rpc/admin_messages.h"
#include "services/store/rpc/admin_refusals.h"
#include "services/store/rpc/admin_watch.h"

#include <stdlib.h>
#include <string.h>

typedef void (*answer_fn)(struct rpc_call *rpc, const struct rebuild_answer *answer);

/* What changes something is answered by the generation's number alone. */
struct order_kind {
    const ProtobufCMessageDescriptor *request, *response;
    enum replay_action action;
    const char *done; /* what the log says of it */
};

struct admin_call {
    struct admin_service *service;
    struct rpc_call *rpc;
    struct rebuild_ticket *ticket;
    answer_fn answer;              /* of a question */
    const struct order_kind *kind; /* of an order; NULL: a question */
};

static void on_cancel(void *self)
{
    struct admin_call *call = self;
    struct rpc_call *rpc = call->rpc;
    rebuild_desk_cancel(call->service->desk, call->ticket);
    free(call);
    rpc_end(rpc, RPC_CANCELLED, NULL);
}

/* All these messages hold one int32 and nothing else. */
static void answer_number(struct rpc_call *rpc, const ProtobufCMessageDescriptor *type,
                          int32_t number)
{
    ProtobufCMessage *message = mem_alloc(type->sizeof_message);
    protobuf_c_message_init(type, message);
    memcpy((char *)message + type->fields[0].offset, &number, sizeof(number));
    rpc_answer(rpc, message);
    free(message);
}

static int32_t number_of(const ProtobufCMessage *message)
{
    int32_t number = 0;
    memcpy(&number, (const char *)message + message->descriptor->fields[0].offset, sizeof(number));
    return number;
}

static void on_answer(void *self, const struct rebuild_answer *answer)
{
    struct admin_call *call = self;
    struct rpc_call *rpc = call->rpc;
    if (answer->outcome != REBUILD_DONE) {
        admin_refuse_answer(rpc, answer);
    } else if (call->kind != NULL) {
        log_info(call->kind->done, LOG_INT("generation", answer->generation));
        answer_number(rpc, call->kind->response, answer->generation);
    } else {
        call->answer(rpc, answer);
    }
    free(call);
}

/* Takes what the order owns. */
static void give(const struct admin_call *given, struct rebuild_order *order)
{
    struct admin_call *call = mem_copy(given, sizeof(*given));
    call->ticket = rebuild_desk_put(call->service->desk, order, on_answer, call);
    if (call->ticket == NULL) {
        admin_refuse(call->rpc, ADMIN_TOO_MANY, "too many orders wait");
        free(call);
        return;
    }
    rpc_on_cancel(call->rpc, on_cancel, call);
}

/* False: the call was ended. */
static bool is_fine(const struct admin_service *service, struct rpc_call *rpc, int generation)
{
    if (service->desk == NULL)
        admin_refuse(rpc, ADMIN_OFF, "AdminService is off: set STORE_RPC_ADMIN_TOKENS_FILE");
    else if (generation < 0)
        admin_refuse(rpc, ADMIN_INVALID_ARGUMENT, "generation: must not be negative");
    return service->desk != NULL && generation >= 0;
}

/* ---- questions ---- */

static void list(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    struct admin_call call = {.service = self, .rpc = rpc, .answer = admin_messages_list};
    struct rebuild_order order = {.action = REPLAY_LIST};
    (void)message;
    if (is_fine(self, rpc, 0))
        give(&call, &order);
}

static void answer_progress(struct rpc_call *rpc, const struct rebuild_answer *answer)
{
    Telefact__Store__V1__RebuildProgress progress;
    Telefact__Store__V1__GetRebuildResponse message =
        TELEFACT__STORE__V1__GET_REBUILD_RESPONSE__INIT;
    struct replay_view view = answer->view;
    admin_messages_progress(answer->generation, &view, NULL, &progress);
    message.progress = &progress;
    rpc_answer(rpc, &message.base);
}

static void get(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetRebuildRequest *asked = (const void *)message;
    struct admin_call call = {.service = self, .rpc = rpc, .answer = answer_progress};
    struct rebuild_order order = {.action = REPLAY_STATUS, .generation = asked->generation};
    if (is_fine(self, rpc, asked->generation))
        give(&call, &order);
}

static void watch(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__WatchRebuildRequest *asked = (const void *)message;
    if (is_fine(self, rpc, asked->generation))
        admin_watch_begin(self, rpc, asked->generation);
}

/* ---- orders ---- */

static const struct order_kind KINDS[] = {
    {&telefact__store__v1__start_rebuild_request__descriptor,
     &telefact__store__v1__start_rebuild_response__descriptor, REPLAY_START, "rebuild was started"},
    {&telefact__store__v1__pause_rebuild_request__descriptor,
     &telefact__store__v1__pause_rebuild_response__descriptor, REPLAY_PAUSE, "rebuild was paused"},
    {&telefact__store__v1__resume_rebuild_request__descriptor,
     &telefact__store__v1__resume_rebuild_response__descriptor, REPLAY_RESUME,
     "rebuild was resumed"},
    {&telefact__store__v1__swap_rebuild_request__descriptor,
     &telefact__store__v1__swap_rebuild_response__descriptor, REPLAY_SWAP,
     "readers went over to the rebuilt generation"},
    {&telefact__store__v1__rollback_rebuild_request__descriptor,
     &telefact__store__v1__rollback_rebuild_response__descriptor, REPLAY_ROLLBACK,
     "readers went back to the generation before"},
    {&telefact__store__v1__cancel_rebuild_request__descriptor,
     &telefact__store__v1__cancel_rebuild_response__descriptor, REPLAY_CANCEL,
     "rebuild was cancelled"},
    {&telefact__store__v1__drop_generation_request__descriptor,
     &telefact__store__v1__drop_generation_response__descriptor, REPLAY_DROP,
     "generation was dropped"},
};

static const struct order_kind *kind_of(const ProtobufCMessage *message)
{
    const struct order_kind *kind = KINDS;
    while (kind->request != message->descriptor)
        kind++;
    return kind;
}

static void start(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    struct admin_call call = {.service = self, .rpc = rpc, .kind = kind_of(message)};
    struct rebuild_order order;
    struct err err;
    if (!is_fine(self, rpc, 0))
        return;
    if (admin_messages_start((const void *)message, &order, &err)) {
        give(&call, &order);
        return;
    }
    rebuild_order_done(&order);
    admin_refuse(rpc, ADMIN_INVALID_ARGUMENT, err.text);
}

/* An order to one generation. */
static void order_one(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    struct admin_call call = {.service = self, .rpc = rpc, .kind = kind_of(message)};
    struct rebuild_order order = {.action = call.kind->action, .generation = number_of(message)};
    if (!is_fine(self, rpc, order.generation))
        return;
    if (order.action == REPLAY_DROP && order.generation == 0)
        admin_refuse(rpc, ADMIN_INVALID_ARGUMENT, "generation: must be given");
    else
        give(&call, &order);
}

/* In the order of the proto. */
static const rpc_handler_fn HANDLERS[] = {
    list, get, watch, start, order_one, order_one, order_one, order_one, order_one, order_one,
};
#define WATCH_NUMBER 2

struct rpc_service admin_service_describe(struct admin_service *service, const struct bytes *tokens,
                                          size_t token_count)
{
    return (struct rpc_service){
        .descriptor = &telefact__store__v1__admin_service__descriptor,
        .handlers = HANDLERS,
        .self = service,
        .tokens = tokens,
        .token_count = token_count,
        .endless = UINT32_C(1) << WATCH_NUMBER,
    };
}

void admin_service_drain(struct admin_service *service)
{
    service->is_draining = true;
    admin_watch_end_all(service);
}
