#include "libs/wire/event_fields.h"

/* The end of the year 9999: what RFC 3339 can write. */
#define TIME_MS_MAX INT64_C(253402300799999)

#define AT(member) (uint16_t)offsetof(struct event, member)
#define RANGE(low, high) .min = (low), .range = (uint64_t)(high) - (uint64_t)(low)
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

#define INT64(member, low, high, text) \
    {.type = FIELD_INT64, \
     .wire = WIRE_KNOWN(WIRE_VARINT), \
     .offset = AT(member), \
     RANGE(low, high), \
     .why = (text)}
#define CHAT(member, text) INT64(member, 1, -1, text) /* any but 0 */
#define USER_ID(payload) CHAT(subject_id, payload ".user_id: missing or 0")
#define ENUM(member, low, high, text) \
    {.type = FIELD_ENUM, \
     .wire = WIRE_KNOWN(WIRE_VARINT), \
     .offset = AT(member), \
     RANGE(low, high), \
     .why = (text)}
#define BOOL(member) {.type = FIELD_BOOL, .wire = WIRE_KNOWN(WIRE_VARINT), .offset = AT(member)}
#define TEXT(member, low, high, optional, text) \
    {.type = FIELD_TEXT, \
     .wire = WIRE_KNOWN(WIRE_LEN), \
     .offset = AT(member), \
     .is_optional = (optional), \
     RANGE(low, high), \
     .why = (text)}
#define LANG(member, text) \
    {.type = FIELD_LANG, .wire = WIRE_KNOWN(WIRE_LEN), .offset = AT(member), .why = (text)}
#define MESSAGE(kind) {.type = (kind), .wire = WIRE_KNOWN(WIRE_LEN)}

static const struct field event_fields[] = {
    [1] = {.type = FIELD_ID,
           .wire = WIRE_KNOWN(WIRE_LEN),
           .offset = AT(id),
           .why = "event_id: not 16 bytes"},
    [2] = INT64(bot_id, 1, INT64_MAX, "bot_id: missing or not above 0"),
    [3] = INT64(update_id, 0, INT64_MAX, "update_id: below 0"),
    [4] = INT64(occurred_at_ms, 0, TIME_MS_MAX, "occurred_at_ms: before 1970 or after 9999"),
    [5] = INT64(received_at_ms, 0, TIME_MS_MAX, "received_at_ms: before 1970 or after 9999"),
    [6] = TEXT(producer, 0, 64, false, "producer: not UTF-8 without U+0000 of at most 64 bytes"),
    [7] = {.type = FIELD_UINT32, .wire = WIRE_KNOWN(WIRE_VARINT), .offset = AT(ordinal)},
    [EVENT_USER_SEEN] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_USER_LANG_CHANGED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_USER_MODE_CHANGED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_VIDEO_DOWNLOADED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_MUSIC_EXTRACTED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_AD_SHOWN] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_AD_COUNTED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_USER_SETTINGS_PATCHED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_CHAT_MIGRATED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_USER_BLOCKED] = MESSAGE(FIELD_PAYLOAD),
    [EVENT_USER_ERASED] = MESSAGE(FIELD_PAYLOAD),
};

static const struct field user_seen[] = {
    [1] = USER_ID("user_seen"),
    [2] = ENUM(user_seen.chat_type, CHAT_PRIVATE, CHAT_CHANNEL,
               "user_seen.chat_type: missing or unknown"),
    [3] = ENUM(user_seen.source, SEEN_START, SEEN_PRIVATE_MESSAGE,
               "user_seen.source: missing or unknown"),
    [4] = LANG(user_seen.lang, "user_seen.lang: not one of ar en hi id ru so uk vi"),
    [5] = TEXT(user_seen.link, 0, EVENT_LINK_MAX, true,
               "user_seen.link: not UTF-8 without U+0000 of at most 2048 bytes"),
    [6] = MESSAGE(FIELD_PERSONAL),
};

static const struct field personal[] = {
    [1] = {.type = FIELD_CLEAR,
           .wire = WIRE_KNOWN(WIRE_LEN),
           .presence = AT(user_seen.personal.is_present)},
    [2] = {.type = FIELD_SEALED,
           .wire = WIRE_KNOWN(WIRE_LEN),
           .why = "user_seen.personal.sealed: newer than this build"},
};

#define NAME(member) \
    TEXT(user_seen.personal.member, 0, EVENT_NAME_MAX, true, \
         "user_seen.personal.clear." #member ": not UTF-8 without U+0000 of at most 256 bytes")

static const struct field personal_clear[] = {
    [1] = NAME(username),
    [2] = NAME(first_name),
    [3] = NAME(last_name),
    [4] = NAME(language_code),
};

static const struct field user_lang_changed[] = {
    [1] = USER_ID("user_lang_changed"),
    [2] = LANG(lang, "user_lang_changed.lang: not one of ar en hi id ru so uk vi"),
};

static const struct field user_mode_changed[] = {
    [1] = USER_ID("user_mode_changed"),
    [2] = {.type = FIELD_FILE_MODE, .wire = WIRE_KNOWN(WIRE_VARINT), .offset = AT(mode)},
    [3] = {.type = FIELD_TOGGLE,
           .wire = WIRE_KNOWN(WIRE_VARINT),
           .offset = AT(mode),
           .why = "user_mode_changed.toggle: false"},
};

static const struct field video_downloaded[] = {
    [1] = USER_ID("video_downloaded"),
    [2] = TEXT(video.video_link, 1, EVENT_LINK_MAX, false,
               "video_downloaded.video_link: not UTF-8 without U+0000 of 1 to 2048 bytes"),
    [3] = BOOL(video.is_images),
    [4] = BOOL(video.is_processed),
    [5] = BOOL(video.is_inline),
    [6] = ENUM(video.platform, PLATFORM_UNKNOWN, PLATFORM_OTHER,
               "video_downloaded.platform: unknown"),
    [7] = {.type = FIELD_INT64,
           .wire = WIRE_KNOWN(WIRE_VARINT),
           .offset = AT(video.platform_video_id),
           .presence = AT(video.has_platform_video_id),
           RANGE(INT64_MIN, INT64_MAX)},
    [8] = BOOL(video.link_truncated),
};

static const struct field music_extracted[] = {
    [1] = USER_ID("music_extracted"),
    [2] = INT64(music_video_id, INT64_MIN, INT64_MAX, ""),
};

static const struct field ad_shown[] = {
    [1] = USER_ID("ad_shown"),
    [2] = {.type = FIELD_INT64,
           .wire = WIRE_KNOWN(WIRE_VARINT),
           .offset = AT(ad_shown.cooldown_s),
           .presence = AT(ad_shown.has_cooldown_s),
           RANGE(0, 31622400),
           .why = "ad_shown.cooldown_s: not 0 to 31622400"},
    [3] = {.type = FIELD_INT32,
           .wire = WIRE_KNOWN(WIRE_VARINT),
           .offset = AT(ad_shown.count_after),
           .presence = AT(ad_shown.has_count_after),
           RANGE(0, 1000000),
           .why = "ad_shown.count_after: not 0 to 1000000"},
};

static const struct field ad_counted[] = {[1] = USER_ID("ad_counted")};

static const struct field user_settings_patched[] = {
    [1] = USER_ID("user_settings_patched"),
    [2] = {.type = FIELD_BYTES,
           .wire = WIRE_KNOWN(WIRE_LEN),
           .offset = AT(merge_patch),
           RANGE(1, EVENT_PATCH_MAX),
           .why = "user_settings_patched.merge_patch: not 1 to 8192 bytes"},
};

static const struct field chat_migrated[] = {
    [1] = CHAT(migrated.old_id, "chat_migrated.old_id: missing or 0"),
    [2] = CHAT(migrated.new_id, "chat_migrated.new_id: missing or 0"),
};

static const struct field user_blocked[] = {
    [1] = USER_ID("user_blocked"),
    [2] = BOOL(blocked),
};

static const struct field user_erased[] = {[1] = USER_ID("user_erased")};

#define TABLE(array, required_bits) \
    {.fields = (array), .count = COUNT(array), .required = (required_bits)}
#define BIT(number) (1U << (number))

const struct field_table FIELDS_OF_EVENT = TABLE(event_fields, BIT(1) | BIT(2));
const struct field_table FIELDS_OF_PERSONAL = TABLE(personal, 0);
const struct field_table FIELDS_OF_CLEAR = TABLE(personal_clear, 0);

static const struct field_table payloads[EVENT_KIND_MAX + 1] = {
    [EVENT_USER_SEEN] = TABLE(user_seen, BIT(1) | BIT(2) | BIT(3) | BIT(4)),
    [EVENT_USER_LANG_CHANGED] = TABLE(user_lang_changed, BIT(1) | BIT(2)),
    [EVENT_USER_MODE_CHANGED] = TABLE(user_mode_changed, BIT(1)),
    [EVENT_VIDEO_DOWNLOADED] = TABLE(video_downloaded, BIT(1) | BIT(2)),
    [EVENT_MUSIC_EXTRACTED] = TABLE(music_extracted, BIT(1)),
    [EVENT_AD_SHOWN] = TABLE(ad_shown, BIT(1)),
    [EVENT_AD_COUNTED] = TABLE(ad_counted, BIT(1)),
    [EVENT_USER_SETTINGS_PATCHED] = TABLE(user_settings_patched, BIT(1) | BIT(2)),
    [EVENT_CHAT_MIGRATED] = TABLE(chat_migrated, BIT(1) | BIT(2)),
    [EVENT_USER_BLOCKED] = TABLE(user_blocked, BIT(1)),
    [EVENT_USER_ERASED] = TABLE(user_erased, BIT(1)),
};

const struct field_table *fields_of_payload(enum event_kind kind)
{
    return &payloads[kind];
}

static uint64_t load_eight(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return eight;
}

/* True when every byte is ASCII and none is NUL: nearly all texts, told eight bytes at a time. */
static bool is_plain(struct bytes text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t found = 0;
    if (text.len < sizeof(uint64_t)) {
        for (size_t i = 0; i < text.len; i++)
            found |= (uint64_t)(text.data[i] == '\0' || (text.data[i] & 0x80) != 0);
        return found == 0;
    }
    /* Where no byte is 0 nothing borrows, and the lowest one that is borrows into its top bit. */
    for (size_t i = 0; i + sizeof(uint64_t) < text.len; i += sizeof(uint64_t)) {
        uint64_t eight = load_eight(text.data + i);
        found |= eight | (eight - ones);
    }
    uint64_t last = load_eight(text.data + text.len - sizeof(uint64_t));
    found |= last | (last - ones);
    return (found & tops) == 0;
}

static bool is_clean(struct bytes text)
{
    return is_plain(text) || (memchr(text.data, 0, text.len) == NULL && bytes_is_utf8(text));
}

bool field_allows_text(const struct field *field, struct bytes text)
{
    if (field->is_optional && text.data == NULL)
        return true;
    if (field->type == FIELD_LANG)
        return event_lang_is_known(text);
    return field_allows_number(field, (int64_t)text.len) &&
           (field->type == FIELD_BYTES || is_clean(text));
}

static bool is_right(const struct field *field, const struct event *event)
{
    const void *at = (const char *)event + field->offset;
    if (field->presence != 0 && !*((const bool *)event + field->presence))
        return true;
    switch ((enum field_type)field->type) {
    case FIELD_INT64:
        return field_allows_number(field, *(const int64_t *)at);
    case FIELD_INT32:
    case FIELD_ENUM:
        return field_allows_number(field, *(const int32_t *)at);
    case FIELD_TEXT:
    case FIELD_LANG:
    case FIELD_BYTES:
        return field_allows_text(field, *(const struct bytes *)at);
    case FIELD_NONE:
    case FIELD_UINT32:
    case FIELD_BOOL:
    case FIELD_FILE_MODE:
    case FIELD_TOGGLE:
    case FIELD_ID:
    case FIELD_SEALED:
    case FIELD_PAYLOAD:
    case FIELD_PERSONAL:
    case FIELD_CLEAR:
        break;
    }
    return true;
}

const char *fields_check(const struct field_table *table, const struct event *event)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (!is_right(&table->fields[i], event))
            return table->fields[i].why;
    }
    return NULL;
}
