#include "services/store/dlq_event.h"

#include <inttypes.h>

struct lines {
    struct buf *out;
    bool reveals;
    bool fits;
};

static void put_number(struct lines *lines, const char *name, int64_t number)
{
    lines->fits = lines->fits && buf_appendf(lines->out, "  %s: %" PRId64 "\n", name, number);
}

static void put_bool(struct lines *lines, const char *name, bool value)
{
    lines->fits =
        lines->fits && buf_appendf(lines->out, "  %s: %s\n", name, value ? "true" : "false");
}

static void put_word(struct lines *lines, const char *name, const char *word)
{
    lines->fits = lines->fits && buf_appendf(lines->out, "  %s: %s\n", name, word);
}

/* A terminal obeys control characters, those of C1 too, which are 0xC2 and one byte below 0xA0. */
static bool is_control(struct bytes text, size_t at)
{
    unsigned char byte = (unsigned char)text.data[at];
    unsigned char before = at > 0 ? (unsigned char)text.data[at - 1] : 0;
    unsigned char after = at + 1 < text.len ? (unsigned char)text.data[at + 1] : 0xFF;
    return byte < ' ' || byte == 0x7F || (byte == 0xC2 && after < 0xA0) ||
           (before == 0xC2 && byte < 0xA0);
}

static bool put_escaped(struct buf *out, struct bytes text)
{
    bool fits = true;
    for (size_t i = 0; fits && i < text.len; i++)
        fits = is_control(text, i)
                   ? buf_appendf(out, "\\x%02x", (unsigned)(unsigned char)text.data[i])
                   : buf_append(out, &text.data[i], 1);
    return fits;
}

/* What somebody wrote; data NULL: nothing. */
static void put_text(struct lines *lines, const char *name, struct bytes text)
{
    if (text.data == NULL)
        return;
    if (!lines->reveals) {
        lines->fits = lines->fits &&
                      buf_appendf(lines->out, "  %s: (%zu bytes, not shown)\n", name, text.len);
        return;
    }
    lines->fits = lines->fits && buf_appendf(lines->out, "  %s: ", name) &&
                  put_escaped(lines->out, text) && buf_append(lines->out, "\n", 1);
}

/* ---- payloads ---- */

static const char *const CHAT_TYPES[] = {"unknown", "private", "group", "supergroup", "channel"};
static const char *const SOURCES[] = {"unknown", "start", "text", "private_message"};
static const char *const PLATFORMS[] = {"unknown", "tiktok", "instagram", "other"};

static void put_lang(struct lines *lines, struct bytes lang)
{
    /* one of a list: nobody's own text */
    lines->fits =
        lines->fits && buf_appendf(lines->out, "  lang: %.*s\n", (int)lang.len, lang.data);
}

static void put_sighting(struct lines *lines, const struct event_user_seen *seen)
{
    put_word(lines, "chat_type", CHAT_TYPES[seen->chat_type]);
    put_word(lines, "source", SOURCES[seen->source]);
    put_lang(lines, seen->lang);
    put_text(lines, "link", seen->link);
    put_text(lines, "username", seen->personal.username);
    put_text(lines, "first_name", seen->personal.first_name);
    put_text(lines, "last_name", seen->personal.last_name);
    put_text(lines, "language_code", seen->personal.language_code);
}

static void put_video(struct lines *lines, const struct event_video_downloaded *video)
{
    put_text(lines, "video_link", video->video_link);
    put_bool(lines, "is_images", video->is_images);
    put_bool(lines, "is_processed", video->is_processed);
    put_bool(lines, "is_inline", video->is_inline);
    put_word(lines, "platform", PLATFORMS[video->platform]);
    if (video->has_platform_video_id)
        put_number(lines, "platform_video_id", video->platform_video_id);
}

static void put_mode(struct lines *lines, const struct event_mode_change *mode)
{
    if (mode->is_toggle)
        put_bool(lines, "toggle", true);
    else
        put_bool(lines, "file_mode", mode->file_mode);
}

static void put_ad(struct lines *lines, const struct event_ad_shown *shown)
{
    if (shown->has_cooldown_s)
        put_number(lines, "cooldown_s", shown->cooldown_s);
    if (shown->has_count_after)
        put_number(lines, "count_after", shown->count_after);
}

static void put_payload(struct lines *lines, const struct event *event)
{
    switch (event->kind) {
    case EVENT_USER_SEEN:
        put_sighting(lines, &event->user_seen);
        break;
    case EVENT_USER_LANG_CHANGED:
        put_lang(lines, event->lang);
        break;
    case EVENT_USER_MODE_CHANGED:
        put_mode(lines, &event->mode);
        break;
    case EVENT_VIDEO_DOWNLOADED:
        put_video(lines, &event->video);
        break;
    case EVENT_MUSIC_EXTRACTED:
        put_number(lines, "video_id", event->music_video_id);
        break;
    case EVENT_AD_SHOWN:
        put_ad(lines, &event->ad_shown);
        break;
    case EVENT_USER_SETTINGS_PATCHED:
        put_text(lines, "merge_patch", event->merge_patch);
        break;
    case EVENT_CHAT_MIGRATED:
        put_number(lines, "old_id", event->migrated.old_id);
        put_number(lines, "new_id", event->migrated.new_id);
        break;
    case EVENT_USER_BLOCKED:
        put_bool(lines, "blocked", event->blocked);
        break;
    case EVENT_AD_COUNTED:
    case EVENT_USER_ERASED:
    case EVENT_NONE:
        break;
    }
}

bool dlq_event_put(const struct event *event, bool reveals, struct buf *out)
{
    struct lines lines = {.out = out, .reveals = reveals, .fits = true};
    put_number(&lines, "bot_id", event->bot_id);
    put_number(&lines, "update_id", event->update_id);
    put_number(&lines, "occurred_at_ms", event->occurred_at_ms);
    put_number(&lines, "received_at_ms", event->received_at_ms);
    put_text(&lines, "producer", event->producer);
    put_number(&lines, "ordinal", event->ordinal);
    put_number(&lines, event->kind == EVENT_CHAT_MIGRATED ? "subject_id" : "user_id",
               event->subject_id);
    put_payload(&lines, event);
    return lines.fits;
}
