#include "services/store/fold.h"

#include "libs/base/mem.h"
#include "services/store/arena.h"
#include "services/store/fold_map.h"
#include "services/store/fold_totals.h"

#include <assert.h>
#include <stdlib.h>

#define CLOCK_AHEAD_MAX_MS 300000 /* one fast clock must not poison windows of time */
#define AD_COUNT_AFTER_SHOW 1     /* when the event does not say */
#define AD_COOLDOWN_S 86400       /* likewise */

struct user_entry {
    struct fold_user row;
    struct fold_totals before; /* its share of the totals as it is in the database */
};

struct fold {
    struct fold_map user_map;
    struct user_entry *users; /* by the map's number */
    size_t user_capacity;
    const struct fold_user **changed_users;

    struct fold_map profile_map;
    struct fold_profile *profiles;
    size_t profile_capacity;
    const struct fold_profile **changed_profiles;

    struct fold_sums sums;
    struct arena texts;
};

struct fold *fold_new(void)
{
    return mem_alloc(sizeof(struct fold));
}

void fold_free(struct fold *fold)
{
    if (fold == NULL)
        return;
    fold_map_done(&fold->user_map);
    fold_map_done(&fold->profile_map);
    fold_sums_done(&fold->sums);
    arena_done(&fold->texts);
    free(fold->users);
    free(fold->profiles);
    free(fold->changed_users);
    free(fold->changed_profiles);
    free(fold);
}

void fold_reset(struct fold *fold)
{
    fold_map_reset(&fold->user_map);
    fold_map_reset(&fold->profile_map);
    fold_sums_reset(&fold->sums);
    arena_reset(&fold->texts);
}

size_t fold_bytes(const struct fold *fold)
{
    return fold->user_map.count * sizeof(*fold->users) +
           fold->profile_map.count * sizeof(*fold->profiles) + fold->texts.used;
}

int64_t fold_time_ms(const struct event *event, const struct fold_place *place)
{
    int64_t latest = place->record_ms + CLOCK_AHEAD_MAX_MS;
    return event->occurred_at_ms < latest ? event->occurred_at_ms : latest;
}

int64_t fold_pk_id(const struct fold_place *place, int row)
{
    return (int64_t)place->partition << 48 | place->offset << 4 | row;
}

static bool registers(const struct event *event)
{
    return event->user_seen.source == SEEN_START || event->user_seen.source == SEEN_TEXT;
}

static bool names(const struct event *event)
{
    return event->kind == EVENT_USER_SEEN && event->user_seen.source == SEEN_START &&
           event->user_seen.chat_type == CHAT_PRIVATE;
}

bool fold_is_known(enum event_kind kind)
{
    switch (kind) {
    case EVENT_USER_SEEN:
    case EVENT_USER_LANG_CHANGED:
    case EVENT_USER_MODE_CHANGED:
    case EVENT_VIDEO_DOWNLOADED:
    case EVENT_MUSIC_EXTRACTED:
    case EVENT_AD_SHOWN:
    case EVENT_AD_COUNTED:
    case EVENT_CHAT_MIGRATED:
    case EVENT_USER_BLOCKED:
        return true;
    case EVENT_NONE:
    case EVENT_USER_SETTINGS_PATCHED:
    case EVENT_USER_ERASED:
        return false;
    }
    return false;
}

/* ---- rows ---- */

static bool touches_user(const struct event *event)
{
    if (event->kind == EVENT_USER_SEEN)
        return registers(event);
    return fold_is_known(event->kind) && event->kind != EVENT_CHAT_MIGRATED;
}

static void want_user(struct fold *fold, int64_t user_id, int32_t partition)
{
    size_t count_before = fold->user_map.count;
    size_t number = fold_map_put(&fold->user_map, user_id);
    if (number != count_before)
        return;
    if (number >= fold->user_capacity) {
        fold->user_capacity = fold->user_map.capacity;
        fold->users = mem_grow(fold->users, fold->user_capacity, sizeof(*fold->users));
    }
    struct fold_user row = {
        .user_id = user_id, .partition = partition, .lang = BYTES_LITERAL("en"), .is_stub = true};
    fold->users[number] = (struct user_entry){.row = row, .before = fold_share(&row)};
}

static void want_profile(struct fold *fold, int64_t id)
{
    size_t count_before = fold->profile_map.count;
    size_t number = fold_map_put(&fold->profile_map, id);
    if (number != count_before)
        return;
    if (number >= fold->profile_capacity) {
        fold->profile_capacity = fold->profile_map.capacity;
        fold->profiles = mem_grow(fold->profiles, fold->profile_capacity, sizeof(*fold->profiles));
    }
    fold->profiles[number] = (struct fold_profile){.id = id, .first_name = BYTES_LITERAL("")};
}

void fold_want(struct fold *fold, const struct event *event, const struct fold_place *place)
{
    if (touches_user(event))
        want_user(fold, event->subject_id, place->partition);
    if (names(event))
        want_profile(fold, event->subject_id);
}

size_t fold_wanted_users(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold_map_sorted(&fold->user_map);
    return fold->user_map.count;
}

size_t fold_wanted_profiles(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold_map_sorted(&fold->profile_map);
    return fold->profile_map.count;
}

void fold_load_user(struct fold *fold, const struct fold_user *row)
{
    size_t number = fold_map_find(&fold->user_map, row->user_id);
    assert(number != FOLD_MAP_ABSENT);
    struct user_entry *entry = &fold->users[number];
    int32_t partition = entry->row.partition;
    entry->row = *row;
    entry->row.partition = partition;
    entry->row.is_loaded = true;
    entry->row.is_changed = false;
    entry->row.is_registration_changed = false;
    entry->row.lang = arena_keep(&fold->texts, row->lang);
    entry->row.link = arena_keep(&fold->texts, row->link);
    entry->before = fold_share(&entry->row);
}

void fold_load_profile(struct fold *fold, const struct fold_profile *row)
{
    size_t number = fold_map_find(&fold->profile_map, row->id);
    assert(number != FOLD_MAP_ABSENT);
    struct fold_profile *profile = &fold->profiles[number];
    *profile = *row;
    profile->is_loaded = true;
    profile->is_changed = false;
    profile->username = arena_keep(&fold->texts, row->username);
    profile->first_name = arena_keep(&fold->texts, row->first_name);
}

/* ---- effects ---- */

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

/* time_ms of the event; 0: unknown. */
static void register_user(struct fold *fold, struct fold_user *user, const struct event *event,
                          const struct fold_mark *mark, int64_t time_ms)
{
    if (!user->is_stub && compare_marks(mark, &user->first) >= 0)
        return;
    struct bytes link = event->user_seen.link;
    user->is_stub = false;
    user->first = *mark;
    user->has_registered_at = time_ms != 0;
    user->registered_at = time_ms / 1000;
    user->link = link.len > 0 ? arena_keep(&fold->texts, link) : (struct bytes){0};
    if (!user->is_lang_set)
        user->lang = arena_keep(&fold->texts, event->user_seen.lang);
    user->is_changed = true;
    user->is_registration_changed = true;
}

static void name_profile(struct fold *fold, struct fold_profile *profile, const struct event *event,
                         const struct fold_mark *mark, int64_t time_ms)
{
    bool is_new = !profile->is_loaded && !profile->is_changed;
    if (is_new || compare_marks(mark, &profile->first) < 0) {
        profile->first = *mark;
        profile->has_created_at = time_ms != 0;
        profile->created_at_ms = time_ms;
        profile->is_changed = true;
    }
    const struct event_personal *personal = &event->user_seen.personal;
    bool is_newest = !profile->has_last || compare_marks(mark, &profile->last) > 0;
    if (!personal->is_present || !is_newest)
        return;
    profile->has_last = true;
    profile->last = *mark;
    profile->username = arena_keep(&fold->texts, personal->username);
    profile->first_name = personal->first_name.data == NULL
                              ? BYTES_LITERAL("")
                              : arena_keep(&fold->texts, personal->first_name);
    profile->is_changed = true;
}

static void see(struct fold *fold, struct fold_user *user, const struct event *event,
                const struct fold_place *place)
{
    struct fold_mark mark = mark_of(event, place);
    int64_t time_ms = fold_time_ms(event, place);
    register_user(fold, user, event, &mark, time_ms);
    if (names(event)) {
        size_t number = fold_map_find(&fold->profile_map, event->subject_id);
        assert(number != FOLD_MAP_ABSENT);
        name_profile(fold, &fold->profiles[number], event, &mark, time_ms);
    }
}

static void show_ad(struct fold_user *user, const struct event *event,
                    const struct fold_place *place)
{
    const struct event_ad_shown *shown = &event->ad_shown;
    int64_t time_ms = fold_time_ms(event, place);
    user->ad_count = shown->has_count_after ? shown->count_after : AD_COUNT_AFTER_SHOW;
    if (time_ms != 0)
        user->ad_cooldown =
            time_ms / 1000 + (shown->has_cooldown_s ? shown->cooldown_s : AD_COOLDOWN_S);
}

static void count_video(struct fold_user *user, const struct event *event)
{
    user->videos++;
    user->images += event->video.is_images ? 1 : 0;
}

static void change_user(struct fold *fold, struct fold_user *user, const struct event *event,
                        const struct fold_place *place)
{
    user->is_changed = true;
    switch (event->kind) {
    case EVENT_USER_LANG_CHANGED:
        user->lang = arena_keep(&fold->texts, event->lang);
        user->is_lang_set = true;
        user->is_registration_changed = true;
        break;
    case EVENT_USER_MODE_CHANGED:
        user->file_mode = event->mode.is_toggle ? !user->file_mode : event->mode.file_mode;
        break;
    case EVENT_VIDEO_DOWNLOADED:
        count_video(user, event);
        break;
    case EVENT_MUSIC_EXTRACTED:
        user->music++;
        break;
    case EVENT_AD_SHOWN:
        show_ad(user, event, place);
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

void fold_apply(struct fold *fold, const struct event *event, const struct fold_place *place)
{
    if (!touches_user(event))
        return;
    size_t number = fold_map_find(&fold->user_map, event->subject_id);
    assert(number != FOLD_MAP_ABSENT);
    struct fold_user *user = &fold->users[number].row;
    if (event->kind == EVENT_USER_SEEN)
        see(fold, user, event, place);
    else
        change_user(fold, user, event, place);
}

/* ---- results ---- */

size_t fold_changed_users(struct fold *fold, const struct fold_user *const **out_rows)
{
    size_t count = 0;
    const int64_t *ids = fold_map_sorted(&fold->user_map);
    fold->changed_users =
        mem_grow(fold->changed_users, fold->user_map.count, sizeof(*fold->changed_users));
    for (size_t i = 0; i < fold->user_map.count; i++) {
        const struct fold_user *row = &fold->users[fold_map_find(&fold->user_map, ids[i])].row;
        if (row->is_changed)
            fold->changed_users[count++] = row;
    }
    *out_rows = fold->changed_users;
    return count;
}

size_t fold_changed_profiles(struct fold *fold, const struct fold_profile *const **out_rows)
{
    size_t count = 0;
    const int64_t *ids = fold_map_sorted(&fold->profile_map);
    fold->changed_profiles =
        mem_grow(fold->changed_profiles, fold->profile_map.count, sizeof(*fold->changed_profiles));
    for (size_t i = 0; i < fold->profile_map.count; i++) {
        const struct fold_profile *row = &fold->profiles[fold_map_find(&fold->profile_map, ids[i])];
        if (row->is_changed)
            fold->changed_profiles[count++] = row;
    }
    *out_rows = fold->changed_profiles;
    return count;
}

size_t fold_changed_totals(struct fold *fold, const struct fold_totals **out_rows)
{
    fold_sums_reset(&fold->sums);
    for (size_t i = 0; i < fold->user_map.count; i++) {
        const struct user_entry *entry = &fold->users[i];
        if (!entry->row.is_changed)
            continue;
        struct fold_totals after = fold_share(&entry->row);
        fold_sums_add(&fold->sums, &entry->before, &after);
    }
    return fold_sums_changed(&fold->sums, out_rows);
}
