#include "libs/rpc/call_metrics.h"

#include "libs/base/log.h"
#include "libs/base/log_limit.h"
#include "libs/base/mem.h"
#include "libs/ops/metrics.h"

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
}

/* What the server refuses before a handler sees it; handlers tell of their own refusals. */
static struct refusal {
    enum rpc_status status;
    const char *code;
    struct log_limit limit;
} refusals[] = {
    {.status = RPC_UNAUTHENTICATED, .code = "unauthenticated"},
    {.status = RPC_PERMISSION_DENIED, .code = "permission_denied"},
    {.status = RPC_UNIMPLEMENTED, .code = "unimplemented"},
};

static void log_refusal(const char *method, enum rpc_status status)
{
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        if (refusals[i].status == status && log_limit_passes(&refusals[i].limit, &before))
            log_warn("RPC call refused", LOG_TEXT("code", refusals[i].code),
                     LOG_TEXT("method", method), LOG_INT("suppressed", (int64_t)before));
}

static void on_end(void *self, const char *method, enum rpc_status status, int64_t duration_us)
{
    (void)self;
    size_t number = 0;
    while (number + 1 < durations.count && strcmp(methods[number], method) != 0)
        number++;
    metric_observe_us(&durations.series[number], duration_us);
    log_refusal(method, status);
    if ((size_t)status < requests.count)
        metric_add(&by_status[status], 1);
}

struct rpc_metrics_hook rpc_call_metrics_hook(void)
{
    return (struct rpc_metrics_hook){.on_end = on_end};
}
