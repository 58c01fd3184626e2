#include "libs/ops/metrics.h"

#include "libs/base/log.h"
#include "libs/ops/process_metrics.h"

#include <inttypes.h>

#define FIRST_BOUND_US 1000

static struct metric *first;
static struct metric **end = &first;

static const char *const KINDS[] = {"counter", "gauge", "histogram"};

static const char *const BOUNDS[METRIC_BUCKETS] = {
    "0.001", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064",
    "0.128", "0.256", "0.512", "1.024", "2.048", "4.096", "8.192",
};

void metrics_add(struct metric *metric)
{
    metric->next = NULL;
    *end = metric;
    end = &metric->next;
}

void metric_observe_us(struct metric_series *series, int64_t us)
{
    int64_t value = us < 0 ? 0 : us;
    size_t bucket = 0;
    while (bucket < METRIC_BUCKETS && value > (int64_t)FIRST_BOUND_US << bucket)
        bucket++;
    metric_add(series, 1);
    (void)atomic_fetch_add_explicit(&series->sum_us, value, memory_order_relaxed);
    if (bucket < METRIC_BUCKETS)
        (void)atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
}

static bool render_sample(const char *name, struct metric_series *series, struct buf *out)
{
    bool has_labels = series->labels[0] != '\0';
    return buf_appendf(out, "%s%s%s%s %" PRId64 "\n", name, has_labels ? "{" : "", series->labels,
                       has_labels ? "}" : "", metric_get(series));
}

static bool render_histogram(const char *name, struct metric_series *series, struct buf *out)
{
    const char *labels = series->labels;
    bool has_labels = labels[0] != '\0';
    const char *comma = has_labels ? "," : "";
    int64_t total = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        total += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        if (!buf_appendf(out, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", name, labels, comma,
                         BOUNDS[i], total))
            return false;
    }
    /* Another thread may be between the count and the bucket; buckets never pass the count. */
    int64_t count = metric_get(series);
    count = count < total ? total : count;
    int64_t sum_us = atomic_load_explicit(&series->sum_us, memory_order_relaxed);
    const char *open = has_labels ? "{" : "";
    const char *close = has_labels ? "}" : "";
    return buf_appendf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", name, labels, comma,
                       count) &&
           buf_appendf(out, "%s_sum%s%s%s %" PRId64 ".%06" PRId64 "\n", name, open, labels, close,
                       sum_us / 1000000, sum_us % 1000000) &&
           buf_appendf(out, "%s_count%s%s%s %" PRId64 "\n", name, open, labels, close, count);
}

static bool render_family(const struct metric *metric, struct buf *out)
{
    if (!buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                     KINDS[metric->kind]))
        return false;
    bool fits = true;
    for (size_t i = 0; fits && i < metric->count; i++)
        fits = metric->kind == METRIC_HISTOGRAM
                   ? render_histogram(metric->name, &metric->series[i], out)
                   : render_sample(metric->name, &metric->series[i], out);
    return fits;
}

bool metrics_render(struct buf *out)
{
    for (const struct metric *metric = first; metric != NULL; metric = metric->next)
        if (!render_family(metric, out))
            return false;
    return process_metrics_render(out) &&
           buf_appendf(
               out,
               "# HELP log_lines_dropped_total Log lines that standard error did not take.\n"
               "# TYPE log_lines_dropped_total counter\n"
               "log_lines_dropped_total %" PRIu64 "\n",
               log_dropped()) &&
           buf_appendf(out,
                       "# HELP telefact_build_info What is running.\n"
                       "# TYPE telefact_build_info gauge\n"
                       "telefact_build_info{service=\"%s\",version=\"%s\"} 1\n",
                       log_service(), log_version());
}
