#include "libs/wire/record.h"

#include "libs/wire/event_codec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "telefact/event/v1/raw_update.pb-c.h"

#define RAW_BODY_CUT (64 << 10)
#define RAW_OVERHEAD 64 /* more than the other fields of a RawUpdate need */

#define TRACEPARENT_LEN 55

static void add_header(struct record *record, const char *name, struct bytes value)
{
    assert(record->header_count < RECORD_HEADERS_MAX);
    struct record_header *header = &record->headers[record->header_count++];
    assert(value.len < sizeof(header->value));
    header->name = name;
    header->len = value.len;
    memcpy(header->value, value.data, value.len);
    header->value[value.len] = '\0';
}

static void PRINTF_LIKE(3, 4)
    add_headerf(struct record *record, const char *name, const char *fmt, ...)
{
    char value[96];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(value));
    add_header(record, name, (struct bytes){value, (size_t)len});
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
    char seconds[32];
    struct tm utc;
    time_t time_s = (time_t)(unix_ms / 1000);
    if (unix_ms <= 0 || gmtime_r(&time_s, &utc) == NULL)
        return;
    if (strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return;
    add_headerf(record, "ce_time", "%s.%03dZ", seconds, (int)(unix_ms % 1000));
}

/* It comes from a stranger's request, and goes on only in the shape that W3C Trace Context gives
 * version 00. */
static bool is_traceparent(struct bytes text)
{
    static const char shape[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    if (text.len != TRACEPARENT_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_hex = memchr("0123456789abcdef", text.data[i], 16) != NULL;
        if (shape[i] == 'x' ? !is_hex : text.data[i] != shape[i])
            return false;
    }
    return true;
}

static void start(struct record *record, int64_t bot_id, int64_t subject, size_t value_max)
{
    record->header_count = 0;
    record->key_len = record_key(bot_id, subject, record->key);
    buf_init(&record->value, value_max);
    add_header(record, "ce_specversion", BYTES_LITERAL("1.0"));
    add_headerf(record, "ce_source", "/telegram/bot/%" PRId64, bot_id);
    add_headerf(record, "ce_subject", "%" PRId64, subject);
    add_header(record, "content-type", BYTES_LITERAL("application/protobuf"));
}

bool record_of_event(const struct event *event, struct bytes traceparent, struct record *out)
{
    start(out, event->bot_id, event->subject_id, EVENT_BYTES_MAX);
    add_hex(out, "ce_id", event->id);
    add_headerf(out, "ce_type", "telefact.event.v1.%s", event_kind_name(event->kind));
    add_time(out, event->occurred_at_ms);
    if (is_traceparent(traceparent))
        add_header(out, "traceparent", traceparent);
    return event_encode(event, &out->value);
}

void record_of_raw(const struct raw_update *raw, struct record *out)
{
    size_t len = raw->body.len;
    if (raw->reason == RAW_TOO_LARGE && len > RAW_BODY_CUT)
        len = RAW_BODY_CUT;
    start(out, raw->bot_id, raw->update_id, len + RAW_OVERHEAD);
    add_headerf(out, "ce_id", "raw:%" PRId64 ":%" PRId64, raw->update_id, raw->received_at_ms);
    add_header(out, "ce_type", BYTES_LITERAL("telefact.event.v1.raw_update"));
    add_time(out, raw->received_at_ms);

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
    return (size_t)snprintf(out, RECORD_KEY_MAX, "%" PRId64 ":%" PRId64, bot_id, subject_id);
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
