#include "libs/base/trace.h"

#include "libs/base/random.h"

#define ID_AT 3    /* in a traceparent, */
#define SPAN_AT 36 /* likewise */
#define SPAN_LEN 16

static const char DIGITS[] = "0123456789abcdef";
static const char SHAPE[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_zero(const char *id, size_t len)
{
    size_t i = 0;
    while (i < len && id[i] == '0')
        i++;
    return i == len;
}

static bool is_parent(struct bytes text)
{
    if (text.len != TRACE_PARENT_LEN)
        return false;
    for (size_t i = 0; i < TRACE_PARENT_LEN; i++)
        if (SHAPE[i] == 'x' ? !is_digit(text.data[i]) : text.data[i] != SHAPE[i])
            return false;
    return !is_zero(text.data + ID_AT, TRACE_ID_LEN) && !is_zero(text.data + SPAN_AT, SPAN_LEN);
}

static bool is_state(struct bytes text)
{
    if (text.len == 0 || text.len > TRACE_STATE_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    return memchr(text.data, '=', text.len) != NULL;
}

bool trace_read(struct bytes traceparent, struct bytes tracestate, struct trace *out)
{
    if (!is_parent(traceparent))
        return false;
    memcpy(out->parent, traceparent.data, TRACE_PARENT_LEN);
    out->parent[TRACE_PARENT_LEN] = '\0';
    out->state = is_state(tracestate) ? tracestate : (struct bytes){NULL, 0};
    return true;
}

static void write_hex(const unsigned char *from, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = DIGITS[from[i] >> 4];
        out[2 * i + 1] = DIGITS[from[i] & 0xf];
    }
}

/* All zeros has one chance in 2^64, and would be no id. */
static void write_span(unsigned char random[SPAN_LEN / 2], char *out)
{
    random[SPAN_LEN / 2 - 1] |= 1;
    write_hex(random, SPAN_LEN / 2, out);
}

void trace_begin(struct trace *out)
{
    unsigned char random[TRACE_ID_LEN / 2 + SPAN_LEN / 2];
    random_fill(random, sizeof(random));
    memcpy(out->parent, SHAPE, sizeof(SHAPE));
    random[TRACE_ID_LEN / 2 - 1] |= 1;
    write_hex(random, TRACE_ID_LEN / 2, out->parent + ID_AT);
    write_span(random + TRACE_ID_LEN / 2, out->parent + SPAN_AT);
    memcpy(out->parent + TRACE_PARENT_LEN - 2, "01", 2);
    out->state = (struct bytes){NULL, 0};
}

void trace_take(struct bytes traceparent, struct bytes tracestate, struct trace *out)
{
    if (!trace_read(traceparent, tracestate, out))
        trace_begin(out);
}

void trace_child(const struct trace *trace, struct trace *out)
{
    unsigned char random[SPAN_LEN / 2];
    random_fill(random, sizeof(random));
    *out = *trace;
    write_span(random, out->parent + SPAN_AT);
}

void trace_id_of(struct bytes traceparent, char out[TRACE_ID_LEN + 1])
{
    size_t len = is_parent(traceparent) ? TRACE_ID_LEN : 0;
    if (len > 0)
        memcpy(out, traceparent.data + ID_AT, len);
    out[len] = '\0';
}

void trace_id(const struct trace *trace, char out[TRACE_ID_LEN + 1])
{
    trace_id_of((struct bytes){trace->parent, TRACE_PARENT_LEN}, out);
}
