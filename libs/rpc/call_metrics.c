#include "libs/rpc/call_metrics.h"

#include "libs/base/mem.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#define LABEL_MAX 160

/* What a call can end with. */
static const struct {
    enum rpc_status status;
    const char *name;
} CODES[] = {
    {RPC_OK, "OK"},
    {RPC_CANCELLED, "CANCELLED"},
    {RPC_UNKNOWN, "UNKNOWN"},
    {RPC_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
    {RPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
    {RPC_NOT_FOUND, "NOT_FOUND"},
    {RPC_PERMISSION_DENIED, "PERMISSION_DENIED"},
    {RPC_RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
    {RPC_FAILED_PRECONDITION, "FAILED_PRECONDITION"},
    {RPC_ABORTED, "ABORTED"},
    {RPC_UNIMPLEMENTED, "UNIMPLEMENTED"},
    {RPC_INTERNAL, "INTERNAL"},
    {RPC_UNAVAILABLE, "UNAVAILABLE"},
    {RPC_UNAUTHENTICATED, "UNAUTHENTICATED"},
};
#define CODE_COUNT (sizeof(CODES) / sizeof(*CODES))

/* CODE_COUNT series a method. */
static struct metric requests = {
    .name = "rpc_requests_total",
    .help = "RPC calls that ended, by method and gRPC status.",
    .kind = METRIC_COUNTER,
};

static struct metric durations = {
    .name = "rpc_duration_seconds",
    .help = "Duration of RPC calls, by method.",
    .kind = METRIC_HISTOGRAM,
};
static char **methods; /* names of durations' series but the last, which is "other" */

/* What the server refuses; handlers tell of their own refusals. */
#define CALL "RPC call refused"
#define CONNECTION "RPC connection refused"
static struct refusal refusals[RPC_REFUSALS] = {
    [RPC_LARGE_HEADERS] = {.code = "large_headers", .msg = CALL},
    [RPC_WRONG_METHOD] = {.code = "wrong_method", .msg = CALL},
    [RPC_NOT_GRPC] = {.code = "not_grpc", .msg = CALL},
    [RPC_NO_TOKEN] = {.code = "unauthenticated", .msg = CALL},
    [RPC_NOT_BUILT] = {.code = "unimplemented", .msg = CALL},
    [RPC_TOO_MUCH_AT_ONCE] = {.code = "too_much_at_once", .msg = CALL},
    [RPC_WRONG_TIMEOUT] = {.code = "malformed_timeout", .msg = CALL},
    [RPC_LARGE_MESSAGE] = {.code = "large_message", .msg = CALL},
    [RPC_UNKNOWN_CODING] = {.code = "unknown_coding", .msg = CALL},
    [RPC_WRONG_FRAMING] = {.code = "malformed_framing", .msg = CALL},
    [RPC_NOT_ONE_MESSAGE] = {.code = "not_one_message", .msg = CALL},
    [RPC_WRONG_MESSAGE] = {.code = "malformed_message", .msg = CALL},
    [RPC_LATE] = {.code = "deadline_exceeded", .msg = "RPC call was not answered in time"},
    [RPC_WRONG_HTTP2] = {.code = "malformed_http2", .msg = CONNECTION},
    [RPC_FLOOD] = {.code = "flood", .msg = CONNECTION},
    [RPC_TOO_MANY_STREAMS] = {.code = "too_many_streams", .msg = CONNECTION},
    [RPC_TOO_MANY_CONNECTIONS] = {.code = "too_many_connections", .msg = CONNECTION},
};

static size_t count_methods(const struct rpc_service *services, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += services[i].descriptor->n_methods;
    return total;
}

static void name_series(size_t number, const char *method)
{
    char label[LABEL_MAX];
    int len = snprintf(label, sizeof(label), "method=\"%s\"", method);
    durations.series[number].labels = mem_text(label, (size_t)len);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        len = snprintf(label, sizeof(label), "method=\"%s\",code=\"%s\"", method, CODES[i].name);
        requests.series[number * CODE_COUNT + i].labels = mem_text(label, (size_t)len);
    }
}

static void add_method(size_t number, const char *service, const char *method)
{
    char path[LABEL_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s", service, method);
    methods[number] = mem_text(path, (size_t)len);
    name_series(number, method);
}

void rpc_call_metrics_add(const struct rpc_service *services, size_t count)
{
    size_t total = count_methods(services, count);
    size_t number = 0;
    methods = mem_array(total, sizeof(*methods));
    durations.count = total + 1;
    durations.series = mem_array(durations.count, sizeof(*durations.series));
    requests.count = durations.count * CODE_COUNT;
    requests.series = mem_array(requests.count, sizeof(*requests.series));
    for (size_t i = 0; i < count; i++)
        for (unsigned m = 0; m < services[i].descriptor->n_methods; m++)
            add_method(number++, services[i].descriptor->name,
                       services[i].descriptor->methods[m].name);
    name_series(total, "other");
    metrics_add(&requests);
    metrics_add(&durations);
    refusals_add("rpc", refusals, RPC_REFUSALS);
}

static void on_refused(void *self, const struct rpc_refused *refused)
{
    (void)self;
    log_refusal(&refusals[refused->refusal], LOG_TEXT("method", refused->method),
                LOG_TEXT("detail", refused->detail), LOG_SOME("trace_id", refused->trace_id));
}

static void on_end(void *self, const char *method, enum rpc_status status, int64_t duration_us)
{
    (void)self;
    size_t number = 0;
    while (number + 1 < durations.count && strcmp(methods[number], method) != 0)
        number++;
    metric_observe_us(&durations.series[number], duration_us);
    for (size_t i = 0; i < CODE_COUNT; i++)
        if (CODES[i].status == status)
            metric_add(&requests.series[number * CODE_COUNT + i], 1);
}

struct rpc_metrics_hook rpc_call_metrics_hook(void)
{
    return (struct rpc_metrics_hook){.on_end = on_end, .on_refused = on_refused};
}
