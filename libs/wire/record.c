#include "libs/wire/record.h"

#include "libs/wire/decimal.h"
#include "libs/wire/event_codec.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "telefact/event/v1/raw_update.pb-c.h"

#define RAW_BODY_CUT (64 << 10)
#define RAW_OVERHEAD 64 /* more than the other fields of a RawUpdate need */

#define TIME_MS_MAX INT64_C(253402300799999) /* the end of the year 9999 */

static struct record_header *add_name(struct record *record, const char *name)
{
    assert(record->header_count < RECORD_HEADERS_MAX);
    struct record_header *header = &record->headers[record->header_count++];
    header->name = name;
    header->len = 0;
    return header;
}

static void add_text(struct record_header *header, struct bytes text)
{
    assert(header->len + text.len < sizeof(header->value));
    memcpy(header->value + header->len, text.data, text.len);
    header->len += text.len;
    header->value[header->len] = '\0';
}

static void add_number(struct record_header *header, int64_t number)
{
    char text[DECIMAL_MAX];
    add_text(header, (struct bytes){text, decimal_write(number, text)});
}

static void add_header(struct record *record, const char *name, struct bytes value)
{
    add_text(add_name(record, name), value);
}

static void add_hex(struct record *record, const char *name, const uint8_t id[EVENT_ID_LEN])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * EVENT_ID_LEN];
    for (size_t i = 0; i < EVENT_ID_LEN; i++) {
        hex[2 * i] = digits[id[i] >> 4];
        hex[2 * i + 1] = digits[id[i] & 0xf];
    }
    add_header(record, name, (struct bytes){hex, sizeof(hex)});
}

/* RFC 3339 in UTC; an unknown time has no header. */
static void add_time(struct record *record, int64_t unix_ms)
{
    char text[] = "yyyy-mm-ddThh:mm:ss.mmmZ";
    struct tm utc;
    time_t time_s = (time_t)(unix_ms / 1000);
    if (unix_ms <= 0 || unix_ms > TIME_MS_MAX || gmtime_r(&time_s, &utc) == NULL)
        return;
    decimal_write_padded(utc.tm_year + 1900, 4, text);
    decimal_write_padded(utc.tm_mon + 1, 2, text + 5);
    decimal_write_padded(utc.tm_mday, 2, text + 8);
    decimal_write_padded(utc.tm_hour, 2, text + 11);
    decimal_write_padded(utc.tm_min, 2, text + 14);
    decimal_write_padded(utc.tm_sec, 2, text + 17);
    decimal_write_padded((int32_t)(unix_ms % 1000), 3, text + 20);
    add_header(record, "ce_time", BYTES_LITERAL(text));
}

static void add_trace(struct record *record, const struct trace *trace)
{
    if (trace == NULL)
        return;
    add_header(record, "traceparent", bytes_of_text(trace->parent));
    assert(trace->state.len <= TRACE_STATE_MAX);
    record->trace_state_len = trace->state.len;
    if (trace->state.len > 0)
        memcpy(record->trace_state, trace->state.data, trace->state.len);
}

static void start(struct record *record, int64_t bot_id, int64_t subject, size_t value_max)
{
    record->header_count = 0;
    record->trace_state_len = 0;
    record->key_len = record_key(bot_id, subject, record->key);
    buf_init(&record->value, value_max);
    add_header(record, "ce_specversion", BYTES_LITERAL("1.0"));
    struct record_header *source = add_name(record, "ce_source");
    add_text(source, BYTES_LITERAL("/telegram/bot/"));
    add_number(source, bot_id);
    add_number(add_name(record, "ce_subject"), subject);
    add_header(record, "content-type", BYTES_LITERAL("application/protobuf"));
}

bool record_of_event(const struct event *event, const struct trace *trace, struct record *out)
{
    start(out, event->bot_id, event->subject_id, EVENT_BYTES_MAX);
    add_hex(out, "ce_id", event->id);
    struct record_header *type = add_name(out, "ce_type");
    add_text(type, BYTES_LITERAL("telefact.event.v1."));
    add_text(type, bytes_of_text(event_kind_name(event->kind)));
    add_time(out, event->occurred_at_ms);
    add_trace(out, trace);
    return event_encode(event, &out->value);
}

void record_of_raw(const struct raw_update *raw, struct record *out)
{
    size_t len = raw->body.len;
    if (raw->reason == RAW_TOO_LARGE && len > RAW_BODY_CUT)
        len = RAW_BODY_CUT;
    start(out, raw->bot_id, raw->update_id, len + RAW_OVERHEAD);
    struct record_header *id = add_name(out, "ce_id");
    add_text(id, BYTES_LITERAL("raw:"));
    add_number(id, raw->update_id);
    add_text(id, BYTES_LITERAL(":"));
    add_number(id, raw->received_at_ms);
    add_header(out, "ce_type", BYTES_LITERAL("telefact.event.v1.raw_update"));
    add_time(out, raw->received_at_ms);
    add_trace(out, raw->trace);

    Telefact__Event__V1__RawUpdate message = TELEFACT__EVENT__V1__RAW_UPDATE__INIT;
    message.bot_id = raw->bot_id;
    message.update_id = raw->update_id;
    message.received_at_ms = raw->received_at_ms;
    message.reason = (Telefact__Event__V1__RawReason)raw->reason;
    message.body.len = len;
    message.body.data = (uint8_t *)(uintptr_t)raw->body.data; /* only read */
    size_t packed_len = telefact__event__v1__raw_update__get_packed_size(&message);
    char *room = buf_reserve(&out->value, packed_len);
    assert(room != NULL);
    out->value.len = telefact__event__v1__raw_update__pack(&message, (uint8_t *)room);
}

void record_done(struct record *record)
{
    buf_done(&record->value);
}

size_t record_key(int64_t bot_id, int64_t subject_id, char out[RECORD_KEY_MAX])
{
    size_t len = decimal_write(bot_id, out);
    out[len++] = ':';
    len += decimal_write(subject_id, out + len);
    out[len] = '\0';
    return len;
}

static uint32_t little_endian(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Kafka's variant of murmur2: this seed, and the number below made non-negative by a mask. */
static uint32_t murmur2(struct bytes key)
{
    const uint32_t mix = 0x5bd1e995;
    uint32_t hash = UINT32_C(0x9747b28c) ^ (uint32_t)key.len;
    size_t at = 0;
    for (; key.len - at >= 4; at += 4) {
        uint32_t word = little_endian(key.data + at) * mix;
        word = (word ^ word >> 24) * mix;
        hash = hash * mix ^ word;
    }
    if (at < key.len) {
        for (size_t i = key.len; i > at; i--)
            hash ^= (uint32_t)(unsigned char)key.data[i - 1] << (8 * (i - 1 - at));
        hash *= mix;
    }
    hash = (hash ^ hash >> 13) * mix;
    return hash ^ hash >> 15;
}

int32_t record_partition(struct bytes key, int32_t partition_count)
{
    return (int32_t)(murmur2(key) & INT32_MAX) % partition_count;
}
