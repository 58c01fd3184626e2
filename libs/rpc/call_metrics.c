#include "libs/rpc/call_metrics.h"

#include "libs/base/mem.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#define LABEL_MAX 160

static struct metric_series by_status[] = {
    {.labels = "code=\"OK\""},
    {.labels = "code=\"CANCELLED\""},
    {.labels = "code=\"UNKNOWN\""},
    {.labels = "code=\"INVALID_ARGUMENT\""},
    {.labels = "code=\"DEADLINE_EXCEEDED\""},
    {.labels = "code=\"NOT_FOUND\""},
    {.labels = "code=\"ALREADY_EXISTS\""},
    {.labels = "code=\"PERMISSION_DENIED\""},
    {.labels = "code=\"RESOURCE_EXHAUSTED\""},
    {.labels = "code=\"FAILED_PRECONDITION\""},
    {.labels = "code=\"ABORTED\""},
    {.labels = "code=\"OUT_OF_RANGE\""},
    {.labels = "code=\"UNIMPLEMENTED\""},
    {.labels = "code=\"INTERNAL\""},
    {.labels = "code=\"UNAVAILABLE\""},
    {.labels = "code=\"DATA_LOSS\""},
    {.labels = "code=\"UNAUTHENTICATED\""},
};
static struct metric requests = {
    .name = "rpc_requests_total",
    .help = "RPC calls that ended, by gRPC status.",
    .kind = METRIC_COUNTER,
    .series = by_status,
    .count = sizeof(by_status) / sizeof(*by_status),
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

static void name_series(size_t number, const char *service, const char *method)
{
    char label[LABEL_MAX];
    char path[LABEL_MAX];
    int label_len = snprintf(label, sizeof(label), "method=\"%s\"", method);
    int path_len = snprintf(path, sizeof(path), "%s/%s", service, method);
    durations.series[number].labels = mem_text(label, (size_t)label_len);
    methods[number] = mem_text(path, (size_t)path_len);
}

void rpc_call_metrics_add(const struct rpc_service *services, size_t count)
{
    size_t total = count_methods(services, count);
    size_t number = 0;
    methods = mem_array(total, sizeof(*methods));
    durations.series = mem_array(total + 1, sizeof(*durations.series));
    durations.count = total + 1;
    durations.series[total].labels = "method=\"other\"";
    for (size_t i = 0; i < count; i++)
        for (unsigned m = 0; m < services[i].descriptor->n_methods; m++)
            name_series(number++, services[i].descriptor->name,
                        services[i].descriptor->methods[m].name);
    metrics_add(&requests);
    metrics_add(&durations);
    refusals_add("rpc", refusals, RPC_REFUSALS);
}

static void on_refused(void *self, enum rpc_refusal refusal, const char *method, const char *detail)
{
    (void)self;
    log_refusal(&refusals[refusal], LOG_TEXT("method", method), LOG_TEXT("detail", detail));
}

static void on_end(void *self, const char *method, enum rpc_status status, int64_t duration_us)
{
    (void)self;
    size_t number = 0;
    while (number + 1 < durations.count && strcmp(methods[number], method) != 0)
        number++;
    metric_observe_us(&durations.series[number], duration_us);
    if ((size_t)status < requests.count)
        metric_add(&by_status[status], 1);
}

struct rpc_metrics_hook rpc_call_metrics_hook(void)
{
    return (struct rpc_metrics_hook){.on_end = on_end, .on_refused = on_refused};
}
