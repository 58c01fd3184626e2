/*
 * metrics: counters, gauges and histograms, told as Prometheus' text or as OpenMetrics.
 *
 * A metric family is a static struct whose series (label values) are all named at registration, so
 * no traffic can grow it. Updating is one relaxed atomic operation (a histogram: three), from any
 * thread. Registration happens before threads start.
 */
#ifndef LIBS_OPS_METRICS_H
#define LIBS_OPS_METRICS_H

#include "libs/base/buf.h"

#include <stdatomic.h>

enum metric_kind {
    METRIC_COUNTER, /* its name ends in _total */
    METRIC_GAUGE,
    METRIC_SECONDS,   /* a gauge: set in microseconds, told in seconds */
    METRIC_HISTOGRAM, /* of durations: observed in microseconds, told in seconds */
    METRIC_SIZES,     /* a histogram of whole numbers */
};

#define METRIC_BUCKETS 14 /* each one's upper bound is twice that of the one before; then +Inf */

struct metric_series {
    const char *labels;    /* as they stand in the text, e.g. "code=\"200\"", "" for none */
    _Atomic int64_t value; /* counter, gauge; histogram: count */
    _Atomic int64_t sum;   /* of what was observed */
    _Atomic int64_t buckets[METRIC_BUCKETS]; /* histogram; not cumulative */
};

struct metric {
    const char *name; /* with unit and _total where Prometheus wants them */
    const char *help;
    enum metric_kind kind;
    struct metric_series *series;
    size_t count;
    /* A histogram's first upper bound, in what is observed: of durations a whole number of
     * milliseconds; 0: 1 ms, or 1. */
    int64_t first_bound;
    struct metric *next; /* set by metrics_add */
};

/* The family stands in the text from now on; it must live for ever. */
void metrics_add(struct metric *metric);

static inline void metric_add(struct metric_series *series, int64_t amount)
{
    atomic_fetch_add_explicit(&series->value, amount, memory_order_relaxed);
}

static inline void metric_set(struct metric_series *series, int64_t value)
{
    atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

static inline int64_t metric_get(struct metric_series *series)
{
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

/* Into one of the histogram's own series; what is negative counts as 0. */
void metric_observe(const struct metric *metric, struct metric_series *series, int64_t value);

/* The same for a histogram of durations from 1 ms. */
void metric_observe_us(struct metric_series *series, int64_t us);

/* What one thread observed, to be added to a series of the same histogram at once. */
struct metric_tally { /* zeroed at first */
    int64_t count;
    int64_t sum;
    int64_t buckets[METRIC_BUCKETS];
};
void metric_tally_add(struct metric_tally *tally, const struct metric *metric, int64_t value);
void metric_add_tally(struct metric_series *series, const struct metric_tally *tally);

/* All families, with process_* and build_info, as text 0.0.4. False: out's maximum is too small. */
MUST_CHECK bool metrics_render(struct buf *out);

/* The same as OpenMetrics 1.0. */
MUST_CHECK bool metrics_render_openmetrics(struct buf *out);

#endif
