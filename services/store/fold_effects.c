#include "services/store/fold_effects.h"

#include "libs/json/settings_patch.h"

#define CLOCK_AHEAD_MAX_MS 300000 /* one fast clock must not poison windows of time */
#define AD_COUNT_AFTER_SHOW 1     /* when the event does not say */
#define AD_COOLDOWN_S 86400       /* likewise */

int64_t fold_time_ms(const struct event *event, const struct fold_place *place)
{
    int64_t latest = place->record_ms + CLOCK_AHEAD_MAX_MS;
    return event->occurred_at_ms < latest ? event->occurred_at_ms : latest;
}

int64_t fold_pk_id(const struct fold_place *place, int row)
{
    return (int64_t)place->partition << 48 | place->offset << 4 | row;
}

/* ---- sightings ---- */

static int compare_marks(const struct fold_mark *a, const struct fold_mark *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->update_id != b->update_id)
        return a->update_id < b->update_id ? -1 : 1;
    return memcmp(a->event_id, b->event_id, EVENT_ID_LEN);
}

static struct fold_mark mark_of(const struct event *event, const struct fold_place *place)
{
    int64_t time_ms = fold_time_ms(event, place);
    struct fold_mark mark = {.time_ms = time_ms != 0 ? time_ms : place->record_ms,
                             .update_id = event->update_id};
    memcpy(mark.event_id, event->id, EVENT_ID_LEN);
    return mark;
}

static void register_user(const struct fold_target *target, const struct event *event,
                          const struct fold_place *place)
{
    struct fold_user *user = target->user;
    struct fold_mark mark = mark_of(event, place);
    if (!user->is_stub && compare_marks(&mark, &user->first) >= 0)
        return;
    int64_t time_ms = fold_time_ms(event, place);
    struct bytes link = event->user_seen.link;
    fold_stats_chat(target->stats, user, -1);
    user->is_stub = false;
    user->first = mark;
    user->has_registered_at = time_ms != 0;
    user->registered_at = time_ms / 1000;
    user->link = link.len > 0 ? arena_keep(target->texts, link) : (struct bytes){0};
    if (!user->is_lang_set)
        user->lang = arena_keep(target->texts, event->user_seen.lang);
    user->is_changed = true;
    user->is_registration_changed = true;
    fold_stats_chat(target->stats, user, 1);
}

static void name_profile(const struct fold_target *target, const struct event *event,
                         const struct fold_place *place)
{
    struct fold_profile *profile = target->profile;
    struct fold_mark mark = mark_of(event, place);
    if (!profile->has_first || compare_marks(&mark, &profile->first) < 0) {
        int64_t time_ms = fold_time_ms(event, place);
        profile->has_first = true;
        profile->first = mark;
        profile->has_created_at = time_ms != 0;
        profile->created_at_ms = time_ms;
        profile->is_changed = true;
    }
    const struct event_personal *personal = &event->user_seen.personal;
    bool is_newest = !profile->has_last || compare_marks(&mark, &profile->last) > 0;
    if (!personal->is_present || !is_newest)
        return;
    profile->has_last = true;
    profile->last = mark;
    profile->username = arena_keep(target->texts, personal->username);
    profile->first_name = personal->first_name.data == NULL
                              ? BYTES_LITERAL("")
                              : arena_keep(target->texts, personal->first_name);
    profile->is_changed = true;
}

/* ---- settings ---- */

static void set_lang(const struct fold_target *target, struct bytes lang)
{
    struct fold_user *user = target->user;
    fold_stats_chat(target->stats, user, -1);
    user->lang = arena_keep(target->texts, lang);
    user->is_lang_set = true;
    user->is_registration_changed = true;
    fold_stats_chat(target->stats, user, 1);
}

static void set_mode(const struct fold_target *target, const struct event_mode_change *mode)
{
    struct fold_user *user = target->user;
    fold_stats_chat(target->stats, user, -1);
    user->file_mode = mode->is_toggle ? !user->file_mode : mode->file_mode;
    user->is_mode_set = true;
    fold_stats_chat(target->stats, user, 1);
}

/* A patch whose result would be too large has no effect. */
static void patch_settings(const struct fold_target *target, struct bytes patch)
{
    struct fold_profile *profile = target->profile;
    struct buf text;
    buf_init(&text, SETTINGS_TEXT_MAX);
    if (settings_patch_apply(profile->settings, patch, &text))
        profile->settings = arena_keep(target->texts, buf_bytes(&text));
    buf_done(&text);
    profile->is_changed = true;
}

/* ---- erasures ---- */

struct fold_user fold_blank_user(int64_t user_id, int32_t partition)
{
    return (struct fold_user){.user_id = user_id,
                              .partition = partition,
                              .lang = BYTES_LITERAL("en"),
                              .is_stub = true,
                              .videos = {.last_at = FOLD_NEVER},
                              .images = {.last_at = FOLD_NEVER},
                              .music = {.last_at = FOLD_NEVER}};
}

struct fold_profile fold_blank_profile(int64_t id)
{
    return (struct fold_profile){
        .id = id, .first_name = BYTES_LITERAL(""), .settings = BYTES_LITERAL("{}")};
}

/* The chat still counts as one that came by a link; which one is a text of the person. */
void fold_erase_user(struct fold_stats *stats, struct fold_user *user, struct fold_user *pseudonym)
{
    int64_t id = pseudonym->user_id;
    if (!user->is_loaded && !user->is_changed)
        return;
    fold_stats_chat(stats, user, -1);
    *pseudonym = *user;
    pseudonym->user_id = id;
    pseudonym->is_loaded = false;
    pseudonym->is_changed = true;
    pseudonym->is_registration_changed = true;
    pseudonym->is_blocked = true; /* nobody can be written to there */
    if (pseudonym->link.data != NULL)
        pseudonym->link = BYTES_LITERAL("");
    fold_stats_chat(stats, pseudonym, 1);
    *user = fold_blank_user(user->user_id, user->partition);
}

void fold_erase_profile(struct fold_profile *profile)
{
    *profile = fold_blank_profile(profile->id);
}

/* ---- facts ---- */

static int64_t time_of(const struct event *event, const struct fold_place *place)
{
    int64_t time_ms = fold_time_ms(event, place);
    return time_ms == 0 ? FOLD_NEVER : time_ms / 1000;
}

static void count_video(const struct fold_target *target, const struct event *event, int64_t time_s)
{
    struct fold_user *user = target->user;
    fold_stats_fact(target->stats, user, FOLD_VIDEOS, &user->videos, time_s);
    if (event->video.is_images)
        fold_stats_fact(target->stats, user, FOLD_IMAGES, &user->images, time_s);
}

static void show_ad(struct fold_user *user, const struct event_ad_shown *shown, int64_t time_s)
{
    user->ad_count = shown->has_count_after ? shown->count_after : AD_COUNT_AFTER_SHOW;
    if (time_s != FOLD_NEVER)
        user->ad_cooldown = time_s + (shown->has_cooldown_s ? shown->cooldown_s : AD_COOLDOWN_S);
}

static void change_user(const struct fold_target *target, const struct event *event,
                        const struct fold_place *place)
{
    struct fold_user *user = target->user;
    user->is_changed = true;
    switch (event->kind) {
    case EVENT_USER_LANG_CHANGED:
        set_lang(target, event->lang);
        break;
    case EVENT_USER_MODE_CHANGED:
        set_mode(target, &event->mode);
        break;
    case EVENT_VIDEO_DOWNLOADED:
        count_video(target, event, time_of(event, place));
        break;
    case EVENT_MUSIC_EXTRACTED:
        fold_stats_fact(target->stats, user, FOLD_MUSIC, &user->music, time_of(event, place));
        break;
    case EVENT_AD_SHOWN:
        show_ad(user, &event->ad_shown, time_of(event, place));
        break;
    case EVENT_AD_COUNTED:
        user->ad_count += user->ad_count < INT32_MAX ? 1 : 0;
        break;
    case EVENT_USER_BLOCKED:
        user->is_blocked = event->blocked;
        break;
    case EVENT_USER_SEEN:
    case EVENT_NONE:
    case EVENT_USER_SETTINGS_PATCHED:
    case EVENT_CHAT_MIGRATED:
    case EVENT_USER_ERASED:
        break;
    }
}

void fold_effect(const struct fold_target *target, const struct event *event,
                 const struct fold_place *place)
{
    bool is_sighting = event->kind == EVENT_USER_SEEN;
    if (target->user != NULL && is_sighting)
        register_user(target, event, place);
    else if (target->user != NULL)
        change_user(target, event, place);
    if (target->profile != NULL && is_sighting)
        name_profile(target, event, place);
    else if (target->profile != NULL)
        patch_settings(target, event->merge_patch);
}
