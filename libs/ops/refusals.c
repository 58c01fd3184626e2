#include "libs/ops/refusals.h"

#include "libs/base/mem.h"
#include "libs/ops/metrics.h"

#include <assert.h>
#include <stdio.h>

#define LABELS_MAX 128
#define OWN_FIELDS 3 /* where, code, suppressed */

static struct metric total = {
    .name = "refusals_total",
    .help = "What was refused, by what it was and why; docs/refusals.md says what to do.",
    .kind = METRIC_COUNTER,
};

static void add(const char *where, struct refusal *refusal)
{
    char labels[LABELS_MAX];
    int len = snprintf(labels, sizeof(labels), "where=\"%s\",code=\"%s\"", where, refusal->code);
    assert(len > 0 && len < LABELS_MAX);
    total.series = mem_grow(total.series, total.count + 1, sizeof(*total.series));
    total.series[total.count] = (struct metric_series){.labels = mem_text(labels, (size_t)len)};
    refusal->where = where;
    refusal->number = ++total.count;
}

void refusals_add(const char *where, struct refusal *table, size_t count)
{
    if (total.count == 0)
        metrics_add(&total);
    for (size_t i = 0; i < count; i++)
        if (table[i].code != NULL)
            add(where, &table[i]);
}

static void write_line(const struct refusal *refusal, const struct log_field *fields, size_t count,
                       uint64_t suppressed)
{
    struct log_field all[REFUSAL_FIELDS_MAX + OWN_FIELDS];
    size_t used = 0;
    all[used++] = LOG_TEXT("where", refusal->where);
    all[used++] = LOG_TEXT("code", refusal->code);
    for (size_t i = 0; i < count; i++)
        all[used++] = fields[i];
    if (!refusal->is_each)
        all[used++] = LOG_INT("suppressed", (int64_t)suppressed);
    log_write(refusal->is_alarm ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, refusal->msg, all, used);
}

void refusal_write(struct refusal *refusal, const struct log_field *fields, size_t count)
{
    uint64_t suppressed = 0;
    assert(count <= REFUSAL_FIELDS_MAX);
    if (refusal->number > 0)
        metric_add(&total.series[refusal->number - 1], 1);
    if (refusal->is_each || log_limit_passes(&refusal->limit, &suppressed))
        write_line(refusal, fields, count, suppressed);
}
