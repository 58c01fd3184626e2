#include "tests/support/event_json.h"

struct writer {
    yyjson_mut_doc *document;
    yyjson_mut_val *object;
};

static struct writer start(yyjson_mut_doc *document)
{
    return (struct writer){document, yyjson_mut_obj(document)};
}

static void put_text(struct writer to, const char *key, struct bytes text)
{
    if (text.data != NULL)
        yyjson_mut_obj_add_strncpy(to.document, to.object, key, text.data, text.len);
}

/* As a parser gives it: a number that is not negative is unsigned, which counts when comparing. */
static void put_number(struct writer to, const char *key, int64_t number)
{
    if (number < 0)
        yyjson_mut_obj_add_sint(to.document, to.object, key, number);
    else
        yyjson_mut_obj_add_uint(to.document, to.object, key, (uint64_t)number);
}

static void put_bool(struct writer to, const char *key, bool value)
{
    yyjson_mut_obj_add_bool(to.document, to.object, key, value);
}

static yyjson_mut_val *of_personal(yyjson_mut_doc *document, const struct event_personal *personal)
{
    struct writer to = start(document);
    put_text(to, "username", personal->username);
    put_text(to, "first_name", personal->first_name);
    put_text(to, "last_name", personal->last_name);
    put_text(to, "language_code", personal->language_code);
    return to.object;
}

static void put_user_seen(struct writer to, const struct event_user_seen *seen)
{
    put_number(to, "chat_type", (int64_t)seen->chat_type);
    put_number(to, "source", (int64_t)seen->source);
    put_text(to, "lang", seen->lang);
    put_text(to, "link", seen->link);
    if (seen->personal.is_present)
        yyjson_mut_obj_add_val(to.document, to.object, "personal",
                               of_personal(to.document, &seen->personal));
}

static void put_video(struct writer to, const struct event_video_downloaded *video)
{
    put_text(to, "video_link", video->video_link);
    put_bool(to, "is_images", video->is_images);
    put_bool(to, "is_processed", video->is_processed);
    put_bool(to, "is_inline", video->is_inline);
    put_bool(to, "link_truncated", video->link_truncated);
    put_number(to, "platform", (int64_t)video->platform);
    if (video->has_platform_video_id)
        put_number(to, "platform_video_id", video->platform_video_id);
}

static void put_ad_shown(struct writer to, const struct event_ad_shown *ad)
{
    if (ad->has_cooldown_s)
        put_number(to, "cooldown_s", ad->cooldown_s);
    if (ad->has_count_after)
        put_number(to, "count_after", ad->count_after);
}

yyjson_mut_val *event_json_payload(yyjson_mut_doc *document, const struct event *event)
{
    struct writer to = start(document);
    switch (event->kind) {
    case EVENT_USER_SEEN:
        put_user_seen(to, &event->user_seen);
        break;
    case EVENT_USER_LANG_CHANGED:
        put_text(to, "lang", event->lang);
        break;
    case EVENT_USER_MODE_CHANGED:
        put_bool(to, event->mode.is_toggle ? "toggle" : "file_mode",
                 event->mode.is_toggle || event->mode.file_mode);
        break;
    case EVENT_VIDEO_DOWNLOADED:
        put_video(to, &event->video);
        break;
    case EVENT_MUSIC_EXTRACTED:
        put_number(to, "video_id", event->music_video_id);
        break;
    case EVENT_AD_SHOWN:
        put_ad_shown(to, &event->ad_shown);
        break;
    case EVENT_USER_SETTINGS_PATCHED:
        put_text(to, "merge_patch", event->merge_patch);
        break;
    case EVENT_CHAT_MIGRATED:
        put_number(to, "old_id", event->migrated.old_id);
        put_number(to, "new_id", event->migrated.new_id);
        break;
    case EVENT_USER_BLOCKED:
        put_bool(to, "blocked", event->blocked);
        break;
    case EVENT_AD_COUNTED:
    case EVENT_USER_ERASED:
    case EVENT_NONE:
        break;
    }
    return to.object;
}
