#include "libs/ops/exposition.h"

#include <assert.h>
#include <inttypes.h>

#define US_PER_S 1000000

static const char *const TYPES[] = {"counter", "gauge", "histogram", "info"};

/* How long a name is without this end. */
static int len_without(const char *name, const char *end)
{
    size_t len = strlen(name);
    size_t end_len = strlen(end);
    assert(len > end_len && strcmp(name + len - end_len, end) == 0);
    return (int)(len - end_len);
}

bool exposition_head(const struct exposition *exposition, const char *name,
                     enum exposition_type type, const char *help)
{
    const char *shown = TYPES[type];
    int len = (int)strlen(name);
    int short_len = type == EXPOSITION_COUNTER ? len_without(name, "_total")
                    : type == EXPOSITION_INFO  ? len_without(name, "_info")
                                               : len;
    if (exposition->is_openmetrics)
        len = short_len;
    else if (type == EXPOSITION_INFO)
        shown = TYPES[EXPOSITION_GAUGE];
    return buf_appendf(exposition->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, name, help, len,
                       name, shown);
}

static bool begin_sample(const struct exposition *exposition, const char *name, const char *suffix,
                         const char *labels)
{
    bool has_labels = labels[0] != '\0';
    return buf_appendf(exposition->out, "%s%s%s%s%s ", name, suffix, has_labels ? "{" : "", labels,
                       has_labels ? "}" : "");
}

bool exposition_number(const struct exposition *exposition, const char *name, const char *suffix,
                       const char *labels, int64_t number)
{
    return begin_sample(exposition, name, suffix, labels) &&
           buf_appendf(exposition->out, "%" PRId64 "\n", number);
}

bool exposition_seconds(const struct exposition *exposition, const char *name, const char *suffix,
                        const char *labels, int64_t us)
{
    return begin_sample(exposition, name, suffix, labels) &&
           buf_appendf(exposition->out, "%" PRId64 ".%06" PRId64 "\n", us / US_PER_S,
                       us % US_PER_S);
}

bool exposition_end(const struct exposition *exposition)
{
    return !exposition->is_openmetrics || buf_append(exposition->out, "# EOF\n", 6);
}
