#include "services/gateway/rpc/publish_service.h"

#include "libs/base/mem.h"
#include "libs/ops/refusals.h"
#include "libs/rpc/call_metrics.h"
#include "libs/rpc/tokens.h"
#include "libs/wire/event_id.h"
#include "libs/wire/position.h"
#include "services/gateway/rpc/publish_request.h"

#include <stdlib.h>

typedef Telefact__Gateway__V1__PublishRequest request_message;
typedef Telefact__Gateway__V1__PublishResponse response_message;
typedef Telefact__Gateway__V1__PublishResult result_message;
typedef Telefact__Gateway__V1__PublishError error_message;

struct publish_service {
    struct rpc_server *server;
    struct rpc_tokens tokens;
    struct rpc_service description;
    struct publish_reader *reader;
    const struct event_intake *intake;
    size_t in_hand; /* batches without an answer */
};

/* A batch on its way. Outlives the call when the client goes away or is out of time. */
struct batch {
    struct publish_service *service;
    struct rpc_call *call; /* NULL: ended already */
    size_t count;
    struct sent {
        uint8_t id[EVENT_ID_LEN];
        bool has_key;
    } sent[];
};

static struct refusal refusals[] = {
    {.code = "invalid_argument", .msg = "published request is wrong, told the publisher"},
};

void publish_service_add_metrics(void)
{
    const struct rpc_service service = {
        .descriptor = &telefact__gateway__v1__publish_service__descriptor,
    };
    rpc_call_metrics_add(&service, 1);
    refusals_add("publish", refusals, 1);
}

/* Not const because generated messages hold plain char pointers; nobody writes to them. */
static char not_acknowledged[] = "Kafka did not acknowledge it; send it again with the same key";
static char earlier_failed[] = "an earlier event of its subject failed, so it was not sent";
static char too_large[] = "the topic does not take an event of this size";

static void set_error(enum event_state state, error_message *error, result_message *result)
{
    telefact__gateway__v1__publish_error__init(error);
    error->code = TELEFACT__GATEWAY__V1__PUBLISH_ERROR_CODE__PUBLISH_ERROR_CODE_NOT_ACKNOWLEDGED;
    error->message = not_acknowledged;
    if (state == EVENT_STATE_EARLIER_FAILED) {
        error->code = TELEFACT__GATEWAY__V1__PUBLISH_ERROR_CODE__PUBLISH_ERROR_CODE_EARLIER_FAILED;
        error->message = earlier_failed;
    } else if (state == EVENT_STATE_TOO_LARGE) {
        error->message = too_large;
    }
    result->error = error;
}

static void answer(struct batch *batch, const struct event_result *results)
{
    result_message *messages = mem_array(batch->count, sizeof(*messages));
    result_message **pointers = mem_array(batch->count, sizeof(*pointers));
    error_message *errors = mem_array(batch->count, sizeof(*errors));
    struct position position = {0};
    for (size_t i = 0; i < batch->count; i++) {
        telefact__gateway__v1__publish_result__init(&messages[i]);
        pointers[i] = &messages[i];
        messages[i].event_id = (ProtobufCBinaryData){EVENT_ID_LEN, batch->sent[i].id};
        messages[i].deduplicated = batch->sent[i].has_key;
        if (results[i].state == EVENT_STATE_DURABLE) {
            messages[i].partition = results[i].partition;
            messages[i].offset = results[i].offset;
            position_raise(&position, results[i].partition, results[i].offset + 1);
        } else {
            set_error(results[i].state, &errors[i], &messages[i]);
        }
    }
    response_message response = TELEFACT__GATEWAY__V1__PUBLISH_RESPONSE__INIT;
    response.n_results = batch->count;
    response.results = pointers;
    response.position = position_text(&position);
    rpc_add_metadata(batch->call, "telefact-position", response.position);
    rpc_answer(batch->call, &response.base);
    free(response.position);
    position_done(&position);
    free(errors);
    free(pointers);
    free(messages);
}

static void on_done(void *arg, enum intake_outcome outcome, const struct event_result *results)
{
    struct batch *batch = arg;
    batch->service->in_hand--;
    if (batch->call != NULL) {
        rpc_on_cancel(batch->call, NULL, NULL);
        switch (outcome) {
        case INTAKE_DONE:
            answer(batch, results);
            break;
        case INTAKE_UNAVAILABLE:
            rpc_end(batch->call, RPC_UNAVAILABLE,
                    "Kafka acknowledged none of the events; send them again");
            break;
        case INTAKE_BUSY:
            rpc_end(batch->call, RPC_RESOURCE_EXHAUSTED, "too much is in flight; try again later");
            break;
        }
    }
    free(batch);
}

/* What is on its way stays on its way; only nobody waits for it any more. */
static void on_cancel(void *arg)
{
    struct batch *batch = arg;
    struct rpc_call *call = batch->call;
    batch->call = NULL;
    rpc_end(call, RPC_DEADLINE_EXCEEDED, "not acknowledged in time; it may become durable yet");
}

static void publish(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    struct publish_service *service = self;
    const request_message *request = (const void *)message;
    struct err err;
    /* The reader refuses an empty and a too long request before it writes anything. */
    size_t room = request->n_events > PUBLISH_EVENTS_MAX ? 1 : request->n_events + 1;
    struct event *events = mem_array(room, sizeof(*events));
    if (!publish_reader_read(service->reader, request, events, &err)) {
        log_refusal(&refusals[0], LOG_TEXT("error", err.text),
                    LOG_SOME("trace_id", rpc_trace_id(call)));
        rpc_end(call, RPC_INVALID_ARGUMENT, err.text);
        free(events);
        return;
    }
    struct batch *batch = mem_alloc(sizeof(*batch) + request->n_events * sizeof(batch->sent[0]));
    *batch = (struct batch){.service = service, .call = call, .count = request->n_events};
    for (size_t i = 0; i < batch->count; i++) {
        memcpy(batch->sent[i].id, events[i].id, EVENT_ID_LEN);
        batch->sent[i].has_key = request->events[i]->idempotency_key[0] != '\0';
    }
    service->in_hand++;
    rpc_on_cancel(call, on_cancel, batch);
    struct trace trace;
    trace_take(rpc_metadata(call, "traceparent"), rpc_metadata(call, "tracestate"), &trace);
    struct events_request submitted = {
        .events = events,
        .count = request->n_events,
        .bytes = protobuf_c_message_get_packed_size(message),
        .trace = &trace,
    };
    service->intake->submit(service->intake->self, &submitted, on_done, batch);
    free(events);
}

static const rpc_handler_fn HANDLERS[] = {publish};

/* The tokens to ask for; ERR_REJECT: none, where some are needed. */
static bool load_tokens(const struct publish_service_options *options, struct rpc_tokens *out,
                        struct err *err)
{
    if (!rpc_tokens_load(options->tokens_file, out, err))
        return err_prefix(err, "GATEWAY_RPC_TOKENS_FILE: ");
    if (out->count > 0 || options->allow_public || rpc_listen_is_loopback(options->listen))
        return true;
    rpc_tokens_done(out);
    return err_set(err, ERR_REJECT,
                   "GATEWAY_RPC_LISTEN: %s is not loopback; set GATEWAY_RPC_TOKENS_FILE, or "
                   "GATEWAY_RPC_ALLOW_PUBLIC=true if something in front authenticates",
                   options->listen);
}

bool publish_service_check(const struct publish_service_options *options, struct err *err)
{
    struct rpc_tokens tokens = {0};
    if (!load_tokens(options, &tokens, err))
        return false;
    rpc_tokens_done(&tokens);
    return true;
}

bool publish_service_open(struct loop *loop, const struct publish_service_options *options,
                          const struct event_intake *intake, struct publish_service **out,
                          struct err *err)
{
    struct publish_service *service = mem_alloc(sizeof(*service));
    service->intake = intake;
    if (!load_tokens(options, &service->tokens, err)) {
        free(service);
        return false;
    }
    struct publish_rules rules = {
        .events_max = options->max_in_flight < PUBLISH_EVENTS_MAX ? (size_t)options->max_in_flight
                                                                  : PUBLISH_EVENTS_MAX,
        .bot_id = options->bot_id,
        .producer = options->producer,
        .ad_cooldown_s = options->ad_cooldown_s,
        .ad_count_after = options->ad_count_after,
    };
    service->reader = publish_reader_new(&rules);
    service->description = (struct rpc_service){
        .descriptor = &telefact__gateway__v1__publish_service__descriptor,
        .handlers = HANDLERS,
        .self = service,
    };
    struct rpc_options server = {
        .limits = rpc_limits_standard(),
        .services = &service->description,
        .service_count = 1,
        .tokens = service->tokens.items,
        .token_count = service->tokens.count,
        .hook = rpc_call_metrics_hook(),
    };
    server.limits.message_max = PUBLISH_REQUEST_MAX;
    if (!rpc_server_open(loop, options->listen, &server, &service->server, err)) {
        publish_service_free(service);
        return false;
    }
    *out = service;
    return true;
}

void publish_service_set_serving(struct publish_service *service, bool serving)
{
    rpc_server_set_serving(service->server, serving);
}

void publish_service_drain(struct publish_service *service)
{
    rpc_server_drain(service->server);
}

bool publish_service_is_idle(const struct publish_service *service)
{
    return service->in_hand == 0 && rpc_server_calls(service->server) == 0;
}

void publish_service_free(struct publish_service *service)
{
    if (service == NULL)
        return;
    rpc_server_free(service->server);
    publish_reader_free(service->reader);
    rpc_tokens_done(&service->tokens);
    free(service);
}

int publish_service_port(const struct publish_service *service)
{
    return rpc_server_port(service->server);
}
