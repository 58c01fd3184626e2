/*
 * exposition: heads of metric families and samples, as Prometheus' text 0.0.4 or OpenMetrics 1.0.
 *
 * The two differ in the names of counters' and infos' families and in the end of the text. Names,
 * helps and labels are written as they are: they hold nothing that needs an escape. All functions
 * return false when the text's maximum is too small.
 */
#ifndef LIBS_OPS_EXPOSITION_H
#define LIBS_OPS_EXPOSITION_H

#include "libs/base/buf.h"

struct exposition {
    struct buf *out;
    bool is_openmetrics;
};

enum exposition_type {
    EXPOSITION_COUNTER, /* its name ends in _total */
    EXPOSITION_GAUGE,
    EXPOSITION_HISTOGRAM,
    EXPOSITION_INFO, /* its name ends in _info; a gauge in text 0.0.4 */
};

MUST_CHECK bool exposition_head(const struct exposition *exposition, const char *name,
                                enum exposition_type type, const char *help);

/* labels: as they stand in the text, "" for none. suffix: "_bucket", or "". */
MUST_CHECK bool exposition_number(const struct exposition *exposition, const char *name,
                                  const char *suffix, const char *labels, int64_t number);

/* Microseconds, told in seconds. */
MUST_CHECK bool exposition_seconds(const struct exposition *exposition, const char *name,
                                   const char *suffix, const char *labels, int64_t us);

MUST_CHECK bool exposition_end(const struct exposition *exposition);

#endif
