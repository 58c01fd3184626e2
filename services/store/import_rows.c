#include "services/store/import_rows.h"

#include "libs/wire/decimal.h"
#include "libs/wire/erasure.h"
#include "libs/wire/event_codec.h"
#include "libs/wire/event_id.h"

#define CLOCK_AHEAD_MAX_S 60                   /* of the old database's clock */
#define SUPERGROUP_MAX INT64_C(-1000000000000) /* ids of supergroups and channels are not above */
#define AD_COOLDOWN_S 86400                    /* what TT-Bot adds to the time of a show */

static const char *const TABLE_NAMES[IMPORT_TABLES] = {
    [IMPORT_USERS] = "users", [IMPORT_VIDEOS] = "videos", [IMPORT_MUSIC] = "music"};

const char *import_table_name(enum import_table table)
{
    return TABLE_NAMES[table];
}

struct making {
    const struct import_rules *rules;
    enum import_table table;
    const struct import_row *row;
    struct import_events *out;
};

/* The next event of the row; time_s 0: unknown. The caller fills the payload. */
static struct event *add_event(const struct making *making, enum event_kind kind, int64_t time_s)
{
    char key[DECIMAL_MAX];
    const struct import_row *row = making->row;
    struct event *event = &making->out->events[making->out->count++];
    *event = (struct event){.bot_id = making->rules->bot_id,
                            .occurred_at_ms = time_s * 1000,
                            .producer = making->rules->producer,
                            .kind = kind,
                            .subject_id = row->user_id};
    struct event_import_row identity = {
        .source = making->rules->source,
        .table = bytes_of_text(TABLE_NAMES[making->table]),
        .primary_key = {key, decimal_write(row->key, key)},
        .time_ms = row->has_time ? row->time_s * 1000 : 0,
    };
    event_id_of_row(event, &identity, event->id);
    return event;
}

static int64_t time_of(const struct import_row *row)
{
    return row->has_time ? row->time_s : 0;
}

/* The longest beginning that an event takes. */
static struct bytes fit(const struct making *making, struct bytes link)
{
    if (link.len <= EVENT_LINK_MAX)
        return link;
    making->out->is_cut = true;
    return bytes_cut_utf8(link, EVENT_LINK_MAX);
}

/* ---- users ---- */

static enum event_chat_type chat_type_of(int64_t chat_id)
{
    if (chat_id > 0)
        return CHAT_PRIVATE;
    return chat_id > SUPERGROUP_MAX ? CHAT_GROUP : CHAT_SUPERGROUP;
}

/* The registration brings the language, as that of a new chat does. A change of the language would
 * say more than the table: that the chat chose it. */
static void add_registration(const struct making *making)
{
    const struct import_row *row = making->row;
    bool has_link = row->user.link.len > 0;
    struct event *event = add_event(making, EVENT_USER_SEEN, time_of(row));
    event->user_seen.chat_type = chat_type_of(row->user_id);
    event->user_seen.source = has_link && row->user_id > 0 ? SEEN_START : SEEN_TEXT;
    event->user_seen.lang = row->user.lang;
    if (has_link)
        event->user_seen.link = fit(making, row->user.link);
}

/* Both numbers are those after a show; it was when TT-Bot says, if the cool-down has its length. */
static void add_ads(const struct making *making)
{
    const struct import_row *row = making->row;
    int64_t shown_s = row->user.ad_cooldown - AD_COOLDOWN_S;
    if (shown_s > making->rules->now_s)
        shown_s = making->rules->now_s;
    if (shown_s < 1)
        shown_s = row->user.ad_cooldown == 0 ? 0 : 1;
    struct event *event = add_event(making, EVENT_AD_SHOWN, shown_s);
    event->ad_shown.has_cooldown_s = true;
    event->ad_shown.cooldown_s = row->user.ad_cooldown - shown_s;
    event->ad_shown.has_count_after = true;
    event->ad_shown.count_after = (int32_t)row->user.ad_count;
}

static const char *make_user(const struct making *making)
{
    const struct import_row *row = making->row;
    if (row->user.ad_count < INT32_MIN || row->user.ad_count > INT32_MAX)
        return "ad_count: beyond 32 bits";
    if (row->user.ad_cooldown < 0 || row->user.ad_cooldown / 2 > making->rules->now_s)
        return "ad_cooldown: before 1970 or far in the future";
    add_registration(making);
    if (row->user.file_mode)
        add_event(making, EVENT_USER_MODE_CHANGED, 0)->mode.file_mode = true;
    if (row->user.ad_count != 0 || row->user.ad_cooldown != 0)
        add_ads(making);
    return NULL;
}

/* ---- videos, music ---- */

static void make_video(const struct making *making)
{
    const struct import_row *row = making->row;
    struct event *event = add_event(making, EVENT_VIDEO_DOWNLOADED, time_of(row));
    event->video = (struct event_video_downloaded){.is_images = row->video.is_images,
                                                   .is_processed = row->video.is_processed,
                                                   .is_inline = row->video.is_inline};
    event->video.video_link = fit(making, row->video.link);
    event->video.link_truncated = making->out->is_cut;
}

static void make_music(const struct making *making)
{
    struct event *event = add_event(making, EVENT_MUSIC_EXTRACTED, time_of(making->row));
    event->music_video_id = making->row->music_video_id;
}

static const char *make(const struct making *making)
{
    switch (making->table) {
    case IMPORT_USERS:
        return make_user(making);
    case IMPORT_VIDEOS:
        make_video(making);
        break;
    case IMPORT_MUSIC:
        make_music(making);
        break;
    }
    return NULL;
}

const char *import_row_events(const struct import_rules *rules, enum import_table table,
                              const struct import_row *row, struct import_events *out)
{
    struct making making = {.rules = rules, .table = table, .row = row, .out = out};
    *out = (struct import_events){0};
    if (erasure_is_pseudonym(row->user_id))
        return "user_id: one of those that pseudonyms of erased people are made of";
    if (row->has_time && row->time_s < 1)
        return "time: not after the beginning of 1970";
    if (row->has_time && row->time_s > rules->now_s + CLOCK_AHEAD_MAX_S)
        return "time: in the future";
    const char *why = make(&making);
    for (size_t i = 0; why == NULL && i < out->count; i++)
        why = event_check(&out->events[i]);
    return why;
}
