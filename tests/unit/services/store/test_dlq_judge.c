#include "services/store/dlq_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOT 42
#define USER 7

struct bench {
    struct event_arena *arena;
    struct buf value;
    struct record record;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->arena = event_arena_new(EVENT_BYTES_MAX);
    buf_init(&bench->value, EVENT_BYTES_MAX);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    event_arena_free(bench->arena);
    buf_done(&bench->value);
    record_done(&bench->record);
    free(bench);
    return 0;
}

static struct event event_of(enum event_kind kind)
{
    struct event event = {.bot_id = BOT, .kind = kind, .subject_id = USER};
    event.id[0] = 0xab;
    event.occurred_at_ms = 1760000000000;
    return event;
}

static struct letter letter_of(struct bench *bench, const struct event *event, const char *key)
{
    assert_true(event_encode(event, &bench->value));
    return (struct letter){.key = bytes_of_text(key), .value = buf_bytes(&bench->value)};
}

static struct dlq_verdict judge(struct bench *bench, const struct letter *letter)
{
    struct admission_rules rules = {.bot_id = BOT, .topic_partitions = 12};
    return dlq_judge(letter, &rules, bench->arena, &bench->record);
}

static const struct record_header *header(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return &record->headers[i];
    return NULL;
}

static void what_was_in_the_wrong_partition_is_written_as_it_was(void **state)
{
    struct bench *bench = *state;
    struct event event = event_of(EVENT_AD_COUNTED);
    struct letter letter = letter_of(bench, &event, "42:7");
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_null(verdict.cause);
    assert_true(bytes_equal((struct bytes){bench->record.key, bench->record.key_len}, letter.key));
    assert_true(bytes_equal(buf_bytes(&bench->record.value), letter.value));
    assert_string_equal(header(&bench->record, "ce_id")->value, "ab000000000000000000000000000000");
    assert_string_equal(header(&bench->record, "ce_type")->value, "telefact.event.v1.ad_counted");
    assert_null(header(&bench->record, "traceparent"));
    assert_string_equal(header(&bench->record, "ce_subject")->value, "7");
    assert_string_equal(header(&bench->record, "ce_time")->value, "2025-10-09T08:53:20.000Z");
}

static void it_goes_on_with_its_trace(void **state)
{
    struct bench *bench = *state;
    static const char traceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct event event = event_of(EVENT_AD_COUNTED);
    struct letter letter = letter_of(bench, &event, "42:7");
    letter.traceparent = bytes_of_text(traceparent);
    assert_null(judge(bench, &letter).cause);
    assert_string_equal(header(&bench->record, "traceparent")->value, traceparent);
    assert_int_equal(bench->record.trace_state_len, 0);
}

static void bytes_are_not_encoded_anew(void **state)
{
    struct bench *bench = *state;
    struct event event = event_of(EVENT_AD_COUNTED);
    struct letter letter = letter_of(bench, &event, "42:7");
    assert_true(buf_append(&bench->value, "\x92\x06\x01x", 4)); /* field 98, of a newer producer */
    letter.value = buf_bytes(&bench->value);
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_null(verdict.cause);
    assert_true(bytes_equal(buf_bytes(&bench->record.value), letter.value));
}

static void a_migration_belongs_to_the_chat_of_its_key(void **state)
{
    struct bench *bench = *state;
    struct event event = event_of(EVENT_CHAT_MIGRATED);
    event.migrated.old_id = -5;
    event.migrated.new_id = -1005;
    struct letter letter = letter_of(bench, &event, "42:-1005");
    assert_null(judge(bench, &letter).cause);
    assert_string_equal(header(&bench->record, "ce_subject")->value, "-1005");
}

static void what_admission_refuses_is_refused_but_may_be_forced(void **state)
{
    struct bench *bench = *state;
    struct event event = event_of(EVENT_AD_COUNTED);
    event.bot_id = BOT + 1;
    struct letter letter = letter_of(bench, &event, "43:7");
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_string_equal(verdict.cause, "other_bot");
    assert_false(verdict.is_final);
    assert_true(bytes_equal(buf_bytes(&bench->record.value), letter.value));
}

static void bytes_that_are_no_event_may_be_forced(void **state)
{
    struct bench *bench = *state;
    struct letter letter = {.key = BYTES_LITERAL("any"), .value = BYTES_LITERAL("\xff")};
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_string_equal(verdict.cause, "malformed");
    assert_false(verdict.is_final);
    assert_int_equal(bench->record.header_count, 0);
    assert_true(bytes_equal(buf_bytes(&bench->record.value), letter.value));
}

static void a_record_without_value_stays_without(void **state)
{
    struct bench *bench = *state;
    struct letter letter = {.key = BYTES_LITERAL("42:7")};
    assert_string_equal(judge(bench, &letter).cause, "malformed");
    assert_null(bench->record.value.data);
    assert_int_equal(bench->record.value.len, 0);
}

static void what_would_stop_the_partition_is_never_written(void **state)
{
    struct bench *bench = *state;
    struct letter letter = {.key = BYTES_LITERAL("42:7")};
    struct event event = event_of(EVENT_AD_COUNTED);
    assert_true(event_encode(&event, &bench->value));
    bench->value.len -= 5; /* without its payload, which stands last: tag, length, user_id */
    assert_true(buf_append(&bench->value, "\x82\x06\x00", 3)); /* field 96, a message */
    letter.value = buf_bytes(&bench->value);
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_string_equal(verdict.cause, "unknown_payload");
    assert_true(verdict.is_final);
}

static void a_key_that_has_no_room_is_never_written(void **state)
{
    struct bench *bench = *state;
    char key[RECORD_KEY_MAX + 1];
    memset(key, '1', sizeof(key));
    struct letter letter = {.key = {key, RECORD_KEY_MAX}, .value = BYTES_LITERAL("\xff")};
    assert_true(judge(bench, &letter).is_final);
    letter.key.len = RECORD_KEY_MAX - 1;
    assert_false(judge(bench, &letter).is_final);
}

static void expired_bytes_are_never_written(void **state)
{
    struct bench *bench = *state;
    struct letter letter = {.is_expired = true};
    struct dlq_verdict verdict = judge(bench, &letter);
    assert_string_equal(verdict.cause, "expired");
    assert_true(verdict.is_final);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(what_was_in_the_wrong_partition_is_written_as_it_was),
        WITH_BENCH(it_goes_on_with_its_trace),
        WITH_BENCH(bytes_are_not_encoded_anew),
        WITH_BENCH(a_migration_belongs_to_the_chat_of_its_key),
        WITH_BENCH(what_admission_refuses_is_refused_but_may_be_forced),
        WITH_BENCH(bytes_that_are_no_event_may_be_forced),
        WITH_BENCH(a_record_without_value_stays_without),
        WITH_BENCH(what_would_stop_the_partition_is_never_written),
        WITH_BENCH(a_key_that_has_no_room_is_never_written),
        WITH_BENCH(expired_bytes_are_never_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
