/*
 * fuzz_record: any bytes as a record of the events topic, as the store takes it.
 *
 * Lines of a head choose key, partition count and trace parent; the value follows a blank line. A
 * record takes effect exactly when its key and partition are those of its event. The record that
 * the gateway would write of the same event does, and its headers say what the event says.
 */
#include "libs/json/settings_patch.h"
#include "libs/wire/record.h"

#include "services/store/admission.h"
#include "services/store/hand.h"
#include "tests/fuzz/fuzz.h"

#include <librdkafka/rdkafka.h>
#include <telefact/event/v1/raw_update.pb-c.h>

#define PARTITIONS_MAX 32

static struct bytes header_of(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return (struct bytes){record->headers[i].value, record->headers[i].len};
    return (struct bytes){NULL, 0};
}

static void check_headers(const struct record *record)
{
    DEMAND(record->header_count <= RECORD_HEADERS_MAX);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        DEMAND(header->len > 0 && header->len < sizeof(header->value));
        DEMAND(header->value[header->len] == '\0' && strlen(header->value) == header->len);
        DEMAND(fuzz_is_one_line((struct bytes){header->value, header->len}));
        for (size_t k = 0; k < i; k++)
            DEMAND(strcmp(header->name, record->headers[k].name) != 0);
    }
}

static void check_id(struct bytes hex, const uint8_t id[EVENT_ID_LEN])
{
    DEMAND(hex.len == 2 * (size_t)EVENT_ID_LEN);
    for (size_t i = 0; i < EVENT_ID_LEN; i++) {
        const char digits[] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        DEMAND(strtol(digits, NULL, 16) == id[i]);
    }
}

/* As the store takes what the gateway writes. */
/* Of 62 bits or somewhat more: what pseudonyms of erased people are made of. */
static bool is_reserved(int64_t id)
{
    uint64_t size = id < 0 ? -(uint64_t)id : (uint64_t)id;
    return size >> 61 == 2;
}

static bool names_reserved(const struct event *event)
{
    return is_reserved(event->subject_id) ||
           (event->kind == EVENT_CHAT_MIGRATED &&
            (is_reserved(event->migrated.old_id) || is_reserved(event->migrated.new_id)));
}

static void check_written(const struct event *event, struct bytes traceparent, int32_t partitions)
{
    struct record record;
    const char *detail = NULL;
    struct trace read;
    bool has_trace = trace_read(traceparent, traceparent, &read);
    DEMAND(record_of_event(event, has_trace ? &read : NULL, &record));
    check_headers(&record);
    check_id(header_of(&record, "ce_id"), event->id);
    struct bytes trace = header_of(&record, "traceparent");
    DEMAND(has_trace ? bytes_equal(trace, traceparent) : trace.data == NULL);
    DEMAND((header_of(&record, "ce_time").data == NULL) == (event->occurred_at_ms == 0));

    struct bytes key = {record.key, record.key_len};
    const struct admission_rules rules = {event->bot_id, partitions};
    struct record_view view = {.key = key, .value = buf_bytes(&record.value)};
    view.place.partition = record_partition(key, partitions);
    bool is_patched = event->kind == EVENT_USER_SETTINGS_PATCHED;
    const char *fault = is_patched ? settings_patch_fault(event->merge_patch) : NULL;
    DEMAND((admission_fault(&rules, &view, event, &detail) == NULL) ==
           (fault == NULL && !names_reserved(event)));
    record_done(&record);
}

static void check_partition(struct bytes key, int32_t partitions)
{
    int32_t theirs =
        rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, partitions, NULL, NULL);
    DEMAND(record_partition(key, partitions) == theirs);
}

static bool is_key(struct bytes key, int64_t bot_id, int64_t subject_id)
{
    char text[RECORD_KEY_MAX];
    int len = snprintf(text, sizeof(text), "%lld:%lld", (long long)bot_id, (long long)subject_id);
    return bytes_equal(key, (struct bytes){text, (size_t)len});
}

static void check_admission(const struct admission_rules *rules, const struct record_view *record,
                            const struct event *event)
{
    const char *detail = NULL;
    const char *cause = admission_fault(rules, record, event, &detail);
    bool is_own = is_key(record->key, event->bot_id, event->subject_id) ||
                  (event->kind == EVENT_CHAT_MIGRATED &&
                   is_key(record->key, event->bot_id, event->migrated.new_id));
    /* An erasure stands in every partition. */
    bool is_there =
        rules->topic_partitions == 0 || event->kind == EVENT_USER_ERASED ||
        record_partition(record->key, rules->topic_partitions) == record->place.partition;
    DEMAND((cause == NULL) ==
           (event->bot_id == rules->bot_id && is_own && is_there && !names_reserved(event)));
    DEMAND((cause == NULL) == (detail == NULL));
}

static void check_raw(struct bytes body, enum raw_reason reason)
{
    struct record record;
    struct raw_update raw = {7, -3, 1700000000123, reason, body, NULL};
    record_of_raw(&raw, &record);
    check_headers(&record);
    Telefact__Event__V1__RawUpdate *read = telefact__event__v1__raw_update__unpack(
        NULL, record.value.len, (const uint8_t *)record.value.data);
    DEMAND(read != NULL && read->bot_id == 7 && read->update_id == -3 &&
           (enum raw_reason)read->reason == reason);
    DEMAND(read->body.len == (reason == RAW_TOO_LARGE && body.len > 65536 ? 65536 : body.len));
    DEMAND(read->body.len == 0 || memcmp(read->body.data, body.data, read->body.len) == 0);
    telefact__event__v1__raw_update__free_unpacked(read, NULL);
    record_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hand hand;
    if (hand.decoded == NULL)
        hand_init(&hand, 1, EVENT_BYTES_MAX);
    struct bytes value = fuzz_bytes(data, size);
    struct bytes key = fuzz_cut(&value, '\n');
    struct bytes counts = fuzz_cut(&value, '\n');
    struct bytes traceparent = fuzz_cut(&value, '\n');
    int32_t partitions = 1 + fuzz_byte(&counts) % PARTITIONS_MAX;
    struct admission_rules rules = {42, fuzz_byte(&counts) % 2 == 0 ? 0 : partitions};
    struct record_view view = {.key = key, .value = value};
    view.place.partition = fuzz_byte(&counts) % partitions;

    struct batch_event *item = NULL;
    check_partition(key, partitions);
    enum event_decode_result result = hand_decode(&hand, &view, &item);
    DEMAND(result != EVENT_ARENA_FULL);
    if (result == EVENT_DECODED) {
        if (fuzz_byte(&counts) % 2 == 0)
            rules.bot_id = item->event.bot_id;
        check_admission(&rules, &view, &item->event);
        check_written(&item->event, traceparent, partitions);
    }
    if (result == EVENT_MALFORMED)
        DEMAND(item->fate == BATCH_ASIDE && item->detail != NULL && item->event.kind == EVENT_NONE);
    hand_keep(&hand);
    DEMAND(bytes_equal(hand.items[0].record.value, value) &&
           bytes_equal(hand.items[0].record.key, key));
    hand_drop(&hand);
    check_raw(value, (enum raw_reason)(RAW_NO_EVENT + partitions % 4));
    return 0;
}
