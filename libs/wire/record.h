/*
 * record: how an event or a raw update stands in its topic: key, value and headers. Pure.
 */
#ifndef LIBS_WIRE_RECORD_H
#define LIBS_WIRE_RECORD_H

#include "libs/base/buf.h"
#include "libs/base/trace.h"
#include "libs/wire/event.h"

#define RECORD_HEADERS_MAX 10
#define RECORD_KEY_MAX 48 /* "<int64>:<int64>" */

struct record_header {
    const char *name; /* constant */
    char value[96];
    size_t len;
};

struct record {
    char key[RECORD_KEY_MAX];
    size_t key_len;
    struct buf value; /* owned; record_done */
    struct record_header headers[RECORD_HEADERS_MAX];
    size_t header_count;
    char trace_state[TRACE_STATE_MAX]; /* one more header, longer than others: "tracestate" */
    size_t trace_state_len;            /* 0: it has none */
};

/* trace: of the request that brought it; NULL: none. False: the event does not fit EVENT_BYTES_MAX.
 */
MUST_CHECK bool record_of_event(const struct event *event, const struct trace *trace,
                                struct record *out);

/* The numbers of reason are those of the proto's RawReason. */
enum raw_reason { RAW_NO_EVENT = 1, RAW_UNPARSABLE, RAW_TOO_DEEP, RAW_TOO_LARGE };

struct raw_update {
    int64_t bot_id;
    int64_t update_id; /* 0: unreadable */
    int64_t received_at_ms;
    enum raw_reason reason;
    struct bytes body;         /* TOO_LARGE: the first 64 KiB are kept */
    const struct trace *trace; /* as above */
};
void record_of_raw(const struct raw_update *raw, struct record *out);

void record_done(struct record *record); /* a zeroed struct is fine */

/* "<bot_id>:<subject_id>" */
size_t record_key(int64_t bot_id, int64_t subject_id, char out[RECORD_KEY_MAX]);

/* The partition murmur2 gives a key, as Java's default partitioner and librdkafka's murmur2_random.
 */
int32_t record_partition(struct bytes key, int32_t partition_count);

#endif
