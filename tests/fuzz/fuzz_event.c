/*
 * Any bytes as a record's value: our decoder against protobuf-c's. What ours accepts protobuf-c
 * reads the same way; what ours calls no protobuf protobuf-c refuses too.
 */
#include "libs/wire/event_codec.h"

#include "tests/fuzz/fuzz.h"

#include "telefact/event/v1/event.pb-c.h"

typedef Telefact__Event__V1__Event message;

static struct bytes text_of(const char *text)
{
    return bytes_of_text(text);
}

static void read_user_seen(const Telefact__Event__V1__UserSeen *seen, struct event *out)
{
    out->subject_id = seen->user_id;
    out->user_seen.chat_type = (enum event_chat_type)seen->chat_type;
    out->user_seen.source = (enum event_seen_source)seen->source;
    out->user_seen.lang = text_of(seen->lang);
    if (seen->link_presence_case != 0)
        out->user_seen.link = text_of(seen->link);
    if (seen->personal == NULL ||
        seen->personal->form_case != TELEFACT__EVENT__V1__PERSONAL__FORM_CLEAR)
        return;
    const Telefact__Event__V1__PersonalClear *clear = seen->personal->clear;
    struct event_personal *personal = &out->user_seen.personal;
    personal->is_present = true;
    if (clear->username_presence_case != 0)
        personal->username = text_of(clear->username);
    if (clear->first_name_presence_case != 0)
        personal->first_name = text_of(clear->first_name);
    if (clear->last_name_presence_case != 0)
        personal->last_name = text_of(clear->last_name);
    if (clear->language_code_presence_case != 0)
        personal->language_code = text_of(clear->language_code);
}

static void read_video(const Telefact__Event__V1__VideoDownloaded *video, struct event *out)
{
    out->subject_id = video->user_id;
    out->video = (struct event_video_downloaded){
        .video_link = text_of(video->video_link),
        .is_images = video->is_images,
        .is_processed = video->is_processed,
        .is_inline = video->is_inline,
        .link_truncated = video->link_truncated,
        .platform = (enum event_platform)video->platform,
        .has_platform_video_id = video->platform_video_id_presence_case != 0,
        .platform_video_id =
            video->platform_video_id_presence_case != 0 ? video->platform_video_id : 0,
    };
}

static void read_mode(const Telefact__Event__V1__UserModeChanged *mode, struct event *out)
{
    out->subject_id = mode->user_id;
    out->mode.is_toggle =
        mode->change_case == TELEFACT__EVENT__V1__USER_MODE_CHANGED__CHANGE_TOGGLE;
    out->mode.file_mode = !out->mode.is_toggle && mode->file_mode;
}

static void read_ad_shown(const Telefact__Event__V1__AdShown *ad, struct event *out)
{
    out->subject_id = ad->user_id;
    out->ad_shown.has_cooldown_s = ad->cooldown_s_presence_case != 0;
    out->ad_shown.has_count_after = ad->count_after_presence_case != 0;
    if (out->ad_shown.has_cooldown_s)
        out->ad_shown.cooldown_s = ad->cooldown_s;
    if (out->ad_shown.has_count_after)
        out->ad_shown.count_after = ad->count_after;
}

static void read_payload(const message *event, struct event *out)
{
    switch (out->kind) {
    case EVENT_USER_SEEN:
        read_user_seen(event->user_seen, out);
        return;
    case EVENT_USER_LANG_CHANGED:
        out->subject_id = event->user_lang_changed->user_id;
        out->lang = text_of(event->user_lang_changed->lang);
        return;
    case EVENT_USER_MODE_CHANGED:
        read_mode(event->user_mode_changed, out);
        return;
    case EVENT_VIDEO_DOWNLOADED:
        read_video(event->video_downloaded, out);
        return;
    case EVENT_MUSIC_EXTRACTED:
        out->subject_id = event->music_extracted->user_id;
        out->music_video_id = event->music_extracted->video_id;
        return;
    case EVENT_AD_SHOWN:
        read_ad_shown(event->ad_shown, out);
        return;
    case EVENT_AD_COUNTED:
        out->subject_id = event->ad_counted->user_id;
        return;
    case EVENT_USER_SETTINGS_PATCHED:
        out->subject_id = event->user_settings_patched->user_id;
        out->merge_patch =
            (struct bytes){(const char *)event->user_settings_patched->merge_patch.data,
                           event->user_settings_patched->merge_patch.len};
        return;
    case EVENT_CHAT_MIGRATED:
        out->migrated.old_id = event->chat_migrated->old_id;
        out->migrated.new_id = event->chat_migrated->new_id;
        out->subject_id = out->migrated.old_id;
        return;
    case EVENT_USER_BLOCKED:
        out->subject_id = event->user_blocked->user_id;
        out->blocked = event->user_blocked->blocked;
        return;
    case EVENT_USER_ERASED:
        out->subject_id = event->user_erased->user_id;
        return;
    case EVENT_NONE:
        return;
    }
}

static void read_event(const message *event, struct event *out)
{
    *out = (struct event){
        .bot_id = event->bot_id,
        .update_id = event->update_id,
        .occurred_at_ms = event->occurred_at_ms,
        .received_at_ms = event->received_at_ms,
        .producer = text_of(event->producer),
        .ordinal = event->ordinal,
        .kind = (enum event_kind)event->payload_case,
    };
    if (event->event_id.len == EVENT_ID_LEN)
        memcpy(out->id, event->event_id.data, EVENT_ID_LEN);
    read_payload(event, out);
}

static void check_same(const message *theirs, const struct event *ours, struct event_arena *arena)
{
    struct buf expected;
    struct buf encoded;
    struct event event;
    const char *why;
    buf_init(&expected, EVENT_BYTES_MAX);
    buf_init(&encoded, EVENT_BYTES_MAX);
    read_event(theirs, &event);
    DEMAND(event_check(ours) == NULL);
    DEMAND(event_encode(ours, &encoded));
    DEMAND(event_encode(&event, &expected));
    DEMAND(bytes_equal(buf_bytes(&encoded), buf_bytes(&expected)));
    DEMAND(event_decode(buf_bytes(&encoded), arena, &event, &why) == EVENT_DECODED);
    DEMAND(event.subject_id == ours->subject_id);
    buf_done(&expected);
    buf_done(&encoded);
}

static bool is_refused_for(const char *why, const char *text)
{
    return strstr(why, text) != NULL;
}

/* protobuf-c lets field number 0 pass, and tags of more than 32 bits, which no protobuf may hold.
 * Whatever could be such a tag is taken for one. */
static bool may_hold_wrong_tag(const uint8_t *data, size_t size)
{
    size_t open = 0;
    for (size_t i = 0; i < size; i++) {
        open = data[i] >= 0x80 ? open + 1 : 0;
        if (open == 4 || data[i] < 8 || (data[i] >= 0x80 && data[i] <= 0x87))
            return true;
    }
    return false;
}

static uint64_t take_number(struct bytes *rest)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && rest->len > 0; shift += 7) {
        uint64_t byte = (unsigned char)rest->data[0];
        *rest = (struct bytes){rest->data + 1, rest->len - 1};
        number |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return number;
}

/* The fields first..last of a valid message that are messages; *out_last is the last of them. */
static size_t count_messages(struct bytes rest, uint64_t first, uint64_t last,
                             struct bytes *out_last)
{
    size_t count = 0;
    while (rest.len > 0) {
        uint64_t tag = take_number(&rest);
        uint64_t len = (tag & 7) == 1 ? 8 : 4;
        if ((tag & 7) == 0) {
            (void)take_number(&rest);
            continue;
        }
        if ((tag & 7) == 2)
            len = take_number(&rest);
        if ((tag & 7) == 2 && tag >> 3 >= first && tag >> 3 <= last) {
            count++;
            *out_last = (struct bytes){rest.data, (size_t)len};
        }
        rest = (struct bytes){rest.data + len, rest.len - (size_t)len};
    }
    return count;
}

/* protobuf-c keeps the last of a message that stands twice, where protobuf wants both merged. */
static bool has_message_twice(struct bytes value, enum event_kind kind)
{
    struct bytes inner = {0};
    if (count_messages(value, EVENT_USER_SEEN, EVENT_KIND_MAX, &inner) > 1)
        return true;
    if (kind != EVENT_USER_SEEN)
        return false;
    struct bytes personal = {0};
    if (count_messages(inner, 6, 6, &personal) > 1)
        return true;
    return count_messages(personal, 1, 2, &inner) > 1;
}

static void check_refusal(const message *theirs, const char *why, const uint8_t *data, size_t size)
{
    if (is_refused_for(why, "not protobuf"))
        DEMAND(theirs == NULL || may_hold_wrong_tag(data, size));
    if (is_refused_for(why, "payload: missing"))
        DEMAND(theirs != NULL && theirs->payload_case == 0);
    if (is_refused_for(why, "event_id: missing"))
        DEMAND(theirs != NULL && theirs->event_id.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > EVENT_BYTES_MAX)
        return -1;
    static struct event_arena *arena;
    if (arena == NULL)
        arena = event_arena_new(4 * EVENT_BYTES_MAX);
    event_arena_reset(arena);

    struct event ours;
    const char *why;
    struct bytes value = {(const char *)data, size};
    enum event_decode_result result = event_decode(value, arena, &ours, &why);
    message *theirs = telefact__event__v1__event__unpack(NULL, size, data);
    DEMAND(result != EVENT_ARENA_FULL);
    DEMAND((result == EVENT_DECODED) == (why == NULL));
    if (result == EVENT_DECODED) {
        DEMAND(theirs != NULL);
        if (!has_message_twice(value, ours.kind))
            check_same(theirs, &ours, arena);
    } else {
        check_refusal(theirs, why, data, size);
    }
    telefact__event__v1__event__free_unpacked(theirs, NULL);
    return 0;
}
