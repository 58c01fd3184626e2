#include "services/store/dlq_judge.h"

#include "services/store/fold.h"

static const struct dlq_verdict EXPIRED = {
    "expired", "its bytes have expired or were erased: nothing is left to be written", true};
static const struct dlq_verdict UNKNOWN = {
    "unknown_payload", "it would stop its partition: retry it with the build that knows it", true};
static const struct dlq_verdict LONG_KEY = {"wrong_key", "its key is longer than any key of ours",
                                            true};

/* Whose chat a migration's record belongs to, only its key says. */
static void take_subject(struct event *event, struct bytes key)
{
    char wanted[RECORD_KEY_MAX];
    if (event->kind != EVENT_CHAT_MIGRATED)
        return;
    size_t len = record_key(event->bot_id, event->migrated.new_id, wanted);
    if (bytes_equal(key, (struct bytes){wanted, len}))
        event->subject_id = event->migrated.new_id;
}

/* Key and value as they are. False: the key has no room. */
static bool take_bytes(const struct letter *letter, struct record *record)
{
    if (letter->key.len >= sizeof(record->key))
        return false;
    if (letter->key.len > 0)
        memcpy(record->key, letter->key.data, letter->key.len);
    record->key_len = letter->key.len;
    buf_done(&record->value);
    buf_init(&record->value, letter->value.len + 1);
    return letter->value.len == 0 ||
           buf_append(&record->value, letter->value.data, letter->value.len);
}

static struct dlq_verdict judge_event(const struct letter *letter,
                                      const struct admission_rules *rules, struct event *event)
{
    struct dlq_verdict verdict = {0};
    struct record_view record = {.key = letter->key, .value = letter->value};
    if (!fold_is_known(event->kind))
        return UNKNOWN;
    if (rules->topic_partitions > 0)
        record.place.partition = record_partition(letter->key, rules->topic_partitions);
    verdict.cause = admission_fault(rules, &record, event, &verdict.detail);
    return verdict;
}

struct dlq_verdict dlq_judge(const struct letter *letter, const struct admission_rules *rules,
                             struct event_arena *arena, struct record *out)
{
    struct event event;
    const char *why = NULL;
    struct record record = {0};
    struct trace trace;
    bool has_trace = trace_read(letter->traceparent, (struct bytes){0}, &trace);
    struct dlq_verdict verdict = {0};
    if (letter->is_expired)
        return EXPIRED;
    event_arena_reset(arena);
    enum event_decode_result decoded = event_decode(letter->value, arena, &event, &why);
    if (decoded == EVENT_UNKNOWN_PAYLOAD)
        return UNKNOWN;
    if (decoded == EVENT_DECODED) {
        verdict = judge_event(letter, rules, &event);
        take_subject(&event, letter->key);
        if (!verdict.is_final && !record_of_event(&event, has_trace ? &trace : NULL, &record))
            verdict = (struct dlq_verdict){"malformed", "it is too large for an event", true};
    } else {
        verdict = (struct dlq_verdict){"malformed", why == NULL ? "too large" : why, false};
    }
    if (!verdict.is_final && !take_bytes(letter, &record))
        verdict = LONG_KEY;
    if (verdict.is_final)
        record_done(&record);
    else
        *out = record;
    return verdict;
}
