/*
 * trace: the W3C Trace Context that a request comes with, or one that begins here.
 *
 * It comes from strangers and goes on only in the shape of version 00: traceparent is
 * "00-<trace id>-<span id>-<flags>" in lower-case hex digits, no id all zeros; tracestate is at
 * most TRACE_STATE_MAX printable characters. We record no spans: ids in log lines and in what goes
 * out are what ties a request to its events. Thread-safe.
 */
#ifndef LIBS_BASE_TRACE_H
#define LIBS_BASE_TRACE_H

#include "libs/base/bytes.h"

#define TRACE_PARENT_LEN 55
#define TRACE_ID_LEN 32
#define TRACE_STATE_MAX 512

struct trace {
    char parent[TRACE_PARENT_LEN + 1]; /* ended by NUL */
    struct bytes state;                /* borrowed from where it came; empty: none */
};

/* What a request came with. False: it has none of use, and *out is untouched. */
bool trace_read(struct bytes traceparent, struct bytes tracestate, struct trace *out);

/* A trace that begins here, marked as sampled: who follows may record it. */
void trace_begin(struct trace *out);

/* One of the two. */
void trace_take(struct bytes traceparent, struct bytes tracestate, struct trace *out);

/* The same trace under a span id of our own, for a request that we make ourselves. */
void trace_child(const struct trace *trace, struct trace *out);

/* For log lines; "" of what is no traceparent. */
void trace_id_of(struct bytes traceparent, char out[TRACE_ID_LEN + 1]);
void trace_id(const struct trace *trace, char out[TRACE_ID_LEN + 1]);

#endif
