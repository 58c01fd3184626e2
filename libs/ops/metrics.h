/*
 * metrics: counters, gauges and histograms in Prometheus' text format.
 *
 * A metric family is a static struct whose series (label values) are all named at registration, so
 * no traffic can grow it. Updating is one relaxed atomic operation, from any thread. Registration
 * happens before threads start.
 */
#ifndef LIBS_OPS_METRICS_H
#define LIBS_OPS_METRICS_H

#include "libs/base/buf.h"

#include <stdatomic.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_BUCKETS \
    14 /* upper bounds in seconds: 1 ms doubling to 8.192 s, then +Inf (see metrics.c) */

struct metric_series {
    const char *labels;     /* as they stand in the text, e.g. "code=\"200\"", "" for none */
    _Atomic int64_t value;  /* counter, gauge; histogram: count */
    _Atomic int64_t sum_us; /* histogram */
    _Atomic int64_t buckets[METRIC_BUCKETS]; /* histogram; not cumulative */
};

struct metric {
    const char *name; /* with unit and _total where Prometheus wants them */
    const char *help;
    enum metric_kind kind;
    struct metric_series *series;
    size_t count;
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

void metric_observe_us(struct metric_series *series, int64_t us); /* histogram */

/* All families, with process_* and build_info. False: out's maximum is too small. */
MUST_CHECK bool metrics_render(struct buf *out);

#endif
