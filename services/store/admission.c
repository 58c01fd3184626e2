#include "services/store/admission.h"

#include "libs/json/settings_patch.h"
#include "libs/wire/erasure.h"
#include "libs/wire/record.h"

static bool is_key_of(struct bytes key, int64_t bot_id, int64_t subject_id)
{
    char wanted[RECORD_KEY_MAX];
    size_t len = record_key(bot_id, subject_id, wanted);
    return bytes_equal(key, (struct bytes){wanted, len});
}

/* A migration stands in both chats; which of them its record belongs to, only the key says. */
static bool has_own_key(const struct record_view *record, const struct event *event)
{
    if (event->kind == EVENT_CHAT_MIGRATED)
        return is_key_of(record->key, event->bot_id, event->migrated.old_id) ||
               is_key_of(record->key, event->bot_id, event->migrated.new_id);
    return is_key_of(record->key, event->bot_id, event->subject_id);
}

static bool is_elsewhere(const struct admission_rules *rules, const struct record_view *record)
{
    return rules->topic_partitions > 0 &&
           record_partition(record->key, rules->topic_partitions) != record->place.partition;
}

static bool names_pseudonym(const struct event *event)
{
    return erasure_is_pseudonym(event->subject_id) ||
           (event->kind == EVENT_CHAT_MIGRATED && (erasure_is_pseudonym(event->migrated.old_id) ||
                                                   erasure_is_pseudonym(event->migrated.new_id)));
}

bool admission_is_foreign(const struct admission_rules *rules, const struct record_view *record,
                          const struct event *event)
{
    return event->kind == EVENT_USER_ERASED && is_elsewhere(rules, record);
}

const char *admission_fault(const struct admission_rules *rules, const struct record_view *record,
                            const struct event *event, const char **out_detail)
{
    if (event->bot_id != rules->bot_id) {
        *out_detail = "the event belongs to another bot than STORE_BOT_ID";
        return "other_bot";
    }
    if (names_pseudonym(event)) {
        *out_detail = "the event's id is one of those that pseudonyms are made of";
        return "reserved_id";
    }
    if (!has_own_key(record, event)) {
        *out_detail = "the record's key is not <bot_id>:<subject_id> of its event";
        return "wrong_key";
    }
    if (event->kind != EVENT_USER_ERASED && is_elsewhere(rules, record)) {
        *out_detail = "the record is in another partition than murmur2 of its key gives";
        return "wrong_partition";
    }
    const char *fault = event->kind == EVENT_USER_SETTINGS_PATCHED
                            ? settings_patch_fault(event->merge_patch)
                            : NULL;
    if (fault != NULL) {
        *out_detail = fault;
        return "bad_patch";
    }
    return NULL;
}
