#include "tests/support/rpc_echo_server/service.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <echo.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

/* protobuf-c's messages point at memory that is not const and that packing never writes to. */
static ProtobufCBinaryData binary(uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = data};
}

static void echo_metadata(struct rpc_call *call, const char *name)
{
    struct bytes value = rpc_metadata(call, name);
    if (value.data == NULL)
        return;
    char *text = mem_text(value.data, value.len);
    rpc_add_metadata(call, name, text);
    free(text);
}

static void on_echo(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    (void)self;
    const Telefact__Test__V1__EchoRequest *request = (const void *)message;
    Telefact__Test__V1__EchoResponse response = TELEFACT__TEST__V1__ECHO_RESPONSE__INIT;
    response.text = request->text;
    response.raw = request->raw;
    response.part_count = (int64_t)request->n_parts;
    response.deadline_in_ms = rpc_deadline_ms(call) - now_monotonic_ms();
    echo_metadata(call, "echo-text");
    echo_metadata(call, "echo-bin");
    rpc_answer(call, &response.base);
}

struct counting {
    struct echo_service *service;
    struct rpc_call *call;
    int64_t next;
    int64_t count;
    size_t padding;
    uint8_t *padding_bytes;
};

static void counting_end(struct counting *counting, enum rpc_status status)
{
    rpc_end(counting->call, status, NULL);
    free(counting->padding_bytes);
    free(counting);
}

static void on_counting_gone(void *self)
{
    struct counting *counting = self;
    counting->service->cancelled++;
    counting_end(counting, RPC_CANCELLED);
}

static void count_on(void *self)
{
    struct counting *counting = self;
    while (counting->next < counting->count) {
        if (!rpc_is_writable(counting->call)) {
            rpc_on_writable(counting->call, count_on, counting);
            return;
        }
        Telefact__Test__V1__CountResponse response = TELEFACT__TEST__V1__COUNT_RESPONSE__INIT;
        response.number = counting->next++;
        response.padding = binary(counting->padding_bytes, counting->padding);
        rpc_send(counting->call, &response.base);
    }
    counting_end(counting, RPC_OK);
}

static void on_count(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    const Telefact__Test__V1__CountRequest *request = (const void *)message;
    struct counting *counting = mem_alloc(sizeof(*counting));
    counting->service = self;
    counting->call = call;
    counting->count = request->count;
    counting->padding = (size_t)request->padding;
    counting->padding_bytes = mem_alloc(counting->padding);
    rpc_on_cancel(call, on_counting_gone, counting);
    count_on(counting);
}

struct sleeper {
    struct echo_service *service;
    struct rpc_call *call;
    struct loop_timer *timer;
    int64_t late_ms;
};

static void on_awake(void *self)
{
    struct sleeper *sleeper = self;
    Telefact__Test__V1__SleepResponse response = TELEFACT__TEST__V1__SLEEP_RESPONSE__INIT;
    response.slept = 1;
    rpc_add_metadata(sleeper->call, "slept", "yes"); /* also when the deadline answered already */
    rpc_answer(sleeper->call, &response.base);
    loop_timer_free(sleeper->timer);
    free(sleeper);
}

static void on_sleeper_gone(void *self)
{
    struct sleeper *sleeper = self;
    sleeper->service->cancelled++;
    if (sleeper->late_ms > 0)
        loop_timer_arm(sleeper->timer, sleeper->late_ms);
    else
        on_awake(sleeper);
}

static void on_sleep(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    struct echo_service *service = self;
    const Telefact__Test__V1__SleepRequest *request = (const void *)message;
    struct sleeper *sleeper = mem_alloc(sizeof(*sleeper));
    sleeper->service = service;
    sleeper->call = call;
    sleeper->late_ms = request->late_ms;
    sleeper->timer = loop_timer_new(service->loop, on_awake, sleeper);
    loop_timer_arm(sleeper->timer, request->ms);
    rpc_on_cancel(call, on_sleeper_gone, sleeper);
}

static void on_fail(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    (void)self;
    const Telefact__Test__V1__FailRequest *request = (const void *)message;
    Telefact__Test__V1__FailResponse response = TELEFACT__TEST__V1__FAIL_RESPONSE__INIT;
    for (int i = 0; i < request->messages; i++)
        rpc_send(call, &response.base);
    rpc_end(call, (enum rpc_status)request->status, request->message);
}

static void on_stats(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    (void)message;
    struct echo_service *service = self;
    Telefact__Test__V1__StatsResponse response = TELEFACT__TEST__V1__STATS_RESPONSE__INIT;
    response.cancelled = service->cancelled;
    response.calls = rpc_server_calls(service->server);
    response.ended = service->ended;
    response.duration_us = service->duration_us;
    response.last_method = service->last_method;
    response.last_status = (int32_t)service->last_status;
    rpc_answer(call, &response.base);
}

static void on_set_serving(void *self, struct rpc_call *call, const ProtobufCMessage *message)
{
    struct echo_service *service = self;
    const Telefact__Test__V1__SetServingRequest *request = (const void *)message;
    Telefact__Test__V1__SetServingResponse response =
        TELEFACT__TEST__V1__SET_SERVING_RESPONSE__INIT;
    rpc_server_set_serving(service->server, request->serving != 0);
    rpc_answer(call, &response.base);
}

static void on_end(void *self, const char *method, enum rpc_status status, int64_t duration_us)
{
    struct echo_service *service = self;
    service->ended++;
    service->duration_us += duration_us;
    service->last_status = status;
    (void)snprintf(service->last_method, sizeof(service->last_method), "%s", method);
}

struct rpc_service echo_service_port(struct echo_service *service)
{
    static const rpc_handler_fn HANDLERS[] = {
        on_echo, on_count, on_sleep, on_fail, on_stats, NULL, on_set_serving,
    };
    return (struct rpc_service){
        .descriptor = &telefact__test__v1__echo_service__descriptor,
        .handlers = HANDLERS,
        .self = service,
    };
}

struct rpc_metrics_hook echo_service_hook(struct echo_service *service)
{
    return (struct rpc_metrics_hook){.on_end = on_end, .self = service};
}
