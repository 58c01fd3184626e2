#include "libs/ops/metrics.h"

#include "libs/base/log.h"
#include "libs/ops/exposition.h"
#include "libs/ops/process_metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define US_PER_MS 1000
#define MS_PER_S 1000
#define LABELS_MAX 256
#define INFINITE "+Inf"

static struct metric *first;
static struct metric **end = &first;

static const enum exposition_type TYPES[] = {
    [METRIC_COUNTER] = EXPOSITION_COUNTER, [METRIC_GAUGE] = EXPOSITION_GAUGE,
    [METRIC_SECONDS] = EXPOSITION_GAUGE,   [METRIC_HISTOGRAM] = EXPOSITION_HISTOGRAM,
    [METRIC_SIZES] = EXPOSITION_HISTOGRAM,
};

void metrics_add(struct metric *metric)
{
    metric->next = NULL;
    *end = metric;
    end = &metric->next;
}

/* ---- observing ---- */

static int64_t first_bound(const struct metric *metric)
{
    if (metric->first_bound > 0)
        return metric->first_bound;
    return metric->kind == METRIC_SIZES ? 1 : US_PER_MS;
}

/* METRIC_BUCKETS: above all of them. */
static size_t bucket_of(int64_t bound, int64_t value)
{
    size_t bucket = 0;
    while (bucket < METRIC_BUCKETS && value > bound << bucket)
        bucket++;
    return bucket;
}

static void increase(_Atomic int64_t *number, int64_t amount)
{
    (void)atomic_fetch_add_explicit(number, amount, memory_order_relaxed);
}

static void observe(struct metric_series *series, int64_t bound, int64_t value)
{
    int64_t taken = value < 0 ? 0 : value;
    size_t bucket = bucket_of(bound, taken);
    increase(&series->value, 1);
    increase(&series->sum, taken);
    if (bucket < METRIC_BUCKETS)
        increase(&series->buckets[bucket], 1);
}

void metric_observe(const struct metric *metric, struct metric_series *series, int64_t value)
{
    observe(series, first_bound(metric), value);
}

void metric_observe_us(struct metric_series *series, int64_t us)
{
    observe(series, US_PER_MS, us);
}

void metric_tally_add(struct metric_tally *tally, const struct metric *metric, int64_t value)
{
    int64_t taken = value < 0 ? 0 : value;
    size_t bucket = bucket_of(first_bound(metric), taken);
    tally->count++;
    tally->sum += taken;
    if (bucket < METRIC_BUCKETS)
        tally->buckets[bucket]++;
}

void metric_add_tally(struct metric_series *series, const struct metric_tally *tally)
{
    if (tally->count == 0)
        return;
    increase(&series->value, tally->count);
    increase(&series->sum, tally->sum);
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        if (tally->buckets[i] > 0)
            increase(&series->buckets[i], tally->buckets[i]);
}

/* ---- telling ---- */

/* As OpenMetrics writes floating point numbers: "0.064", "8.0". */
static void write_bound(const struct metric *metric, size_t bucket, char out[32])
{
    int64_t bound = first_bound(metric) << bucket;
    if (metric->kind == METRIC_SIZES) {
        (void)snprintf(out, 32, "%" PRId64 ".0", bound);
        return;
    }
    int64_t ms = bound / US_PER_MS;
    int len = snprintf(out, 32, "%" PRId64 ".%03" PRId64, ms / MS_PER_S, ms % MS_PER_S);
    while (out[len - 1] == '0' && out[len - 2] != '.')
        out[--len] = '\0';
}

static bool render_bucket(const struct exposition *exposition, const struct metric *metric,
                          const char *labels, const char *bound, int64_t count)
{
    char all[LABELS_MAX];
    int len =
        snprintf(all, sizeof(all), "%s%sle=\"%s\"", labels, labels[0] == '\0' ? "" : ",", bound);
    assert(len < LABELS_MAX);
    (void)len;
    return exposition_number(exposition, metric->name, "_bucket", all, count);
}

static bool render_sum(const struct exposition *exposition, const struct metric *metric,
                       struct metric_series *series)
{
    int64_t sum = atomic_load_explicit(&series->sum, memory_order_relaxed);
    return metric->kind == METRIC_SIZES
               ? exposition_number(exposition, metric->name, "_sum", series->labels, sum)
               : exposition_seconds(exposition, metric->name, "_sum", series->labels, sum);
}

static bool render_histogram(const struct exposition *exposition, const struct metric *metric,
                             struct metric_series *series)
{
    int64_t total = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        char bound[32];
        write_bound(metric, i, bound);
        total += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        if (!render_bucket(exposition, metric, series->labels, bound, total))
            return false;
    }
    /* Another thread may be between the count and the bucket; buckets never pass the count. */
    int64_t count = metric_get(series);
    count = count < total ? total : count;
    return render_bucket(exposition, metric, series->labels, INFINITE, count) &&
           render_sum(exposition, metric, series) &&
           exposition_number(exposition, metric->name, "_count", series->labels, count);
}

static bool render_value(const struct exposition *exposition, const struct metric *metric,
                         struct metric_series *series)
{
    int64_t value = metric_get(series);
    return metric->kind == METRIC_SECONDS
               ? exposition_seconds(exposition, metric->name, "", series->labels, value)
               : exposition_number(exposition, metric->name, "", series->labels, value);
}

static bool render_family(const struct exposition *exposition, const struct metric *metric)
{
    bool is_histogram = TYPES[metric->kind] == EXPOSITION_HISTOGRAM;
    bool fits = exposition_head(exposition, metric->name, TYPES[metric->kind], metric->help);
    for (size_t i = 0; fits && i < metric->count; i++)
        fits = is_histogram ? render_histogram(exposition, metric, &metric->series[i])
                            : render_value(exposition, metric, &metric->series[i]);
    return fits;
}

static bool render_build(const struct exposition *exposition)
{
    char labels[LABELS_MAX];
    (void)snprintf(labels, sizeof(labels), "service=\"%s\",version=\"%s\"", log_service(),
                   log_version());
    return exposition_head(exposition, "telefact_build_info", EXPOSITION_INFO,
                           "What is running.") &&
           exposition_number(exposition, "telefact_build_info", "", labels, 1);
}

static bool render(const struct exposition *exposition)
{
    static const char dropped[] = "log_lines_dropped_total";
    for (const struct metric *metric = first; metric != NULL; metric = metric->next)
        if (!render_family(exposition, metric))
            return false;
    return process_metrics_render(exposition) &&
           exposition_head(exposition, dropped, EXPOSITION_COUNTER,
                           "Log lines that standard error did not take.") &&
           exposition_number(exposition, dropped, "", "", (int64_t)log_dropped()) &&
           render_build(exposition) && exposition_end(exposition);
}

bool metrics_render(struct buf *out)
{
    return render(&(struct exposition){.out = out});
}

bool metrics_render_openmetrics(struct buf *out)
{
    return render(&(struct exposition){.out = out, .is_openmetrics = true});
}
