#include "libs/wire/record.h"

#include "libs/wire/event_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telefact/event/v1/raw_update.pb-c.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static const struct event EVENT = {
    .id = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
           0xff},
    .bot_id = 123456789,
    .update_id = 900000001,
    .occurred_at_ms = 1760000000007,
    .received_at_ms = 1760000000100,
    .kind = EVENT_AD_COUNTED,
    .subject_id = -1001234567890,
};

static struct trace trace_of(const char *state)
{
    struct trace trace;
    trace_take(BYTES_LITERAL(TRACEPARENT), bytes_of_text(state), &trace);
    return trace;
}

static const char *find_header(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    }
    return NULL;
}

static void an_event_travels_as_cloudevents_binary_mode(void **state)
{
    (void)state;
    struct record record;
    struct trace trace = trace_of("");
    assert_true(record_of_event(&EVENT, &trace, &record));
    assert_int_equal(record.trace_state_len, 0);
    const struct {
        const char *name, *value;
    } expected[] = {
        {"ce_specversion", "1.0"},
        {"ce_id", "00112233445566778899aabbccddeeff"},
        {"ce_type", "telefact.event.v1.ad_counted"},
        {"ce_source", "/telegram/bot/123456789"},
        {"ce_time", "2025-10-09T08:53:20.007Z"},
        {"ce_subject", "-1001234567890"},
        {"content-type", "application/protobuf"},
        {"traceparent", TRACEPARENT},
    };
    assert_int_equal(record.header_count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < record.header_count; i++) {
        const char *value = find_header(&record, expected[i].name);
        assert_non_null(value);
        assert_string_equal(value, expected[i].value);
        assert_int_equal(record.headers[i].len, strlen(record.headers[i].value));
    }
    assert_int_equal(record.key_len, strlen("123456789:-1001234567890"));
    assert_memory_equal(record.key, "123456789:-1001234567890", record.key_len);

    struct buf encoded;
    buf_init(&encoded, EVENT_BYTES_MAX);
    assert_true(event_encode(&EVENT, &encoded));
    assert_true(bytes_equal(buf_bytes(&encoded), buf_bytes(&record.value)));
    buf_done(&encoded);
    record_done(&record);
    record_done(&record);
}

static void an_unknown_time_has_no_header(void **state)
{
    (void)state;
    struct event event = EVENT;
    struct record record;
    event.occurred_at_ms = 0;
    assert_true(record_of_event(&event, NULL, &record));
    assert_null(find_header(&record, "ce_time"));
    assert_null(find_header(&record, "traceparent"));
    record_done(&record);

    event.occurred_at_ms = 253402300799999;
    assert_true(record_of_event(&event, NULL, &record));
    assert_string_equal(find_header(&record, "ce_time"), "9999-12-31T23:59:59.999Z");
    record_done(&record);
}

static void the_state_of_a_trace_goes_on(void **state)
{
    (void)state;
    char longest[TRACE_STATE_MAX + 1] = {0};
    memset(longest, '=', TRACE_STATE_MAX);
    struct trace trace = trace_of(longest);
    struct record record;
    assert_true(record_of_event(&EVENT, &trace, &record));
    assert_string_equal(find_header(&record, "traceparent"), TRACEPARENT);
    assert_int_equal(record.trace_state_len, TRACE_STATE_MAX);
    assert_memory_equal(record.trace_state, longest, TRACE_STATE_MAX);
    record_done(&record);
}

static void an_event_that_is_too_large_makes_no_record(void **state)
{
    (void)state;
    static char text[EVENT_BYTES_MAX];
    memset(text, 'x', sizeof(text));
    struct event event = EVENT;
    struct record record;
    event.kind = EVENT_VIDEO_DOWNLOADED;
    event.video.video_link = (struct bytes){text, sizeof(text)};
    assert_false(record_of_event(&event, NULL, &record));
    record_done(&record);
}

static void check_raw(const struct raw_update *raw, size_t body_len)
{
    struct record record;
    record_of_raw(raw, &record);
    Telefact__Event__V1__RawUpdate *message = telefact__event__v1__raw_update__unpack(
        NULL, record.value.len, (const uint8_t *)record.value.data);
    assert_non_null(message);
    assert_true(message->bot_id == raw->bot_id);
    assert_true(message->update_id == raw->update_id);
    assert_true(message->received_at_ms == raw->received_at_ms);
    assert_int_equal(message->reason, raw->reason);
    assert_int_equal(message->body.len, body_len);
    if (body_len > 0)
        assert_memory_equal(message->body.data, raw->body.data, body_len);
    telefact__event__v1__raw_update__free_unpacked(message, NULL);
    record_done(&record);
}

static void a_raw_update_keeps_its_body(void **state)
{
    (void)state;
    static char body[1 << 20];
    memset(body, 0xff, sizeof(body));
    struct raw_update raw = {.bot_id = 1, .update_id = 2, .received_at_ms = 3};
    const enum raw_reason reasons[] = {RAW_NO_EVENT, RAW_UNPARSABLE, RAW_TOO_DEEP, RAW_TOO_LARGE};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        raw.reason = reasons[i];
        raw.body = (struct bytes){body, sizeof(body)};
        check_raw(&raw, raw.reason == RAW_TOO_LARGE ? 64 << 10 : sizeof(body));
        raw.body.len = 100;
        check_raw(&raw, 100);
        raw.body = (struct bytes){NULL, 0};
        check_raw(&raw, 0);
    }
    raw = (struct raw_update){INT64_MIN, INT64_MIN, INT64_MIN, RAW_TOO_LARGE, {body, sizeof(body)},
                              NULL};
    check_raw(&raw, 64 << 10);
}

static void a_raw_update_is_keyed_by_its_number(void **state)
{
    (void)state;
    struct trace trace = trace_of("");
    struct raw_update raw = {.bot_id = 123, .update_id = 456, .reason = RAW_NO_EVENT};
    raw.received_at_ms = 1760000000000;
    raw.trace = &trace;
    struct record record;
    record_of_raw(&raw, &record);
    assert_int_equal(record.key_len, 7);
    assert_memory_equal(record.key, "123:456", 7);
    assert_string_equal(find_header(&record, "ce_type"), "telefact.event.v1.raw_update");
    assert_string_equal(find_header(&record, "ce_id"), "raw:456:1760000000000");
    assert_string_equal(find_header(&record, "ce_source"), "/telegram/bot/123");
    assert_string_equal(find_header(&record, "ce_time"), "2025-10-09T08:53:20.000Z");
    assert_string_equal(find_header(&record, "traceparent"), TRACEPARENT);
    record_done(&record);
}

static void the_longest_key_fits(void **state)
{
    (void)state;
    char key[RECORD_KEY_MAX];
    size_t len = record_key(INT64_MIN, INT64_MIN, key);
    assert_int_equal(len, 41);
    assert_memory_equal(key, "-9223372036854775808:-9223372036854775808", len);
}

/* The hashes are those that Kafka's own tests of murmur2 expect. */
static void partitions_are_those_of_kafkas_partitioner(void **state)
{
    (void)state;
    const struct {
        const char *key;
        int32_t hash;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        int32_t positive = (int32_t)((uint32_t)known[i].hash & INT32_MAX);
        struct bytes key = bytes_of_text(known[i].key);
        assert_int_equal(record_partition(key, INT32_MAX), positive % INT32_MAX);
        assert_int_equal(record_partition(key, 12), positive % 12);
        assert_int_equal(record_partition(key, 1), 0);
    }
    assert_in_range(record_partition(BYTES_LITERAL("\xff\xfe\xfd"), 12), 0, 11);
    assert_in_range(record_partition((struct bytes){NULL, 0}, 12), 0, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_travels_as_cloudevents_binary_mode),
        cmocka_unit_test(an_unknown_time_has_no_header),
        cmocka_unit_test(the_state_of_a_trace_goes_on),
        cmocka_unit_test(an_event_that_is_too_large_makes_no_record),
        cmocka_unit_test(a_raw_update_keeps_its_body),
        cmocka_unit_test(a_raw_update_is_keyed_by_its_number),
        cmocka_unit_test(the_longest_key_fits),
        cmocka_unit_test(partitions_are_those_of_kafkas_partitioner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
