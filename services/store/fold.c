#include "services/store/fold.h"

#include "libs/base/mem.h"
#include "libs/wire/erasure.h"
#include "services/store/fold_effects.h"
#include "services/store/fold_erasures.h"
#include "services/store/fold_stats.h"
#include "services/store/fold_top.h"

#include <assert.h>
#include <stdlib.h>

struct fold {
    struct fold_map user_map;
    struct fold_user *users; /* by the map's number */
    size_t user_capacity;
    size_t users_loaded; /* so many of the first */
    const struct fold_user **changed_users;

    struct fold_map profile_map;
    struct fold_profile *profiles;
    size_t profile_capacity;
    size_t profiles_loaded; /* likewise */
    const struct fold_profile **changed_profiles;

    struct fold_stats stats;
    struct fold_tops tops;
    struct fold_aliases aliases;
    struct fold_erasures erasures;
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
    fold_stats_done(&fold->stats);
    fold_tops_done(&fold->tops);
    fold_aliases_done(&fold->aliases);
    fold_erasures_done(&fold->erasures);
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
    fold->users_loaded = 0;
    fold->profiles_loaded = 0;
    fold_stats_reset(&fold->stats);
    fold_tops_reset(&fold->tops);
    fold_aliases_reset(&fold->aliases);
    fold_erasures_reset(&fold->erasures);
    arena_reset(&fold->texts);
}

size_t fold_bytes(const struct fold *fold)
{
    return fold_map_bytes(&fold->user_map) + fold->user_map.count * sizeof(*fold->users) +
           fold_map_bytes(&fold->profile_map) + fold->profile_map.count * sizeof(*fold->profiles) +
           fold->texts.used + fold_stats_bytes(&fold->stats);
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
    case EVENT_USER_SETTINGS_PATCHED:
    case EVENT_CHAT_MIGRATED:
    case EVENT_USER_BLOCKED:
    case EVENT_USER_ERASED:
        return true;
    case EVENT_NONE:
        return false;
    }
    return false;
}

/* ---- rows ---- */

/* Rows of a person are those of the partition where the person's events stand. */
static bool erases_rows(const struct event *event, const struct fold_place *place)
{
    return event->kind == EVENT_USER_ERASED && !place->is_foreign;
}

static bool touches_user(const struct event *event, const struct fold_place *place)
{
    if (event->kind == EVENT_USER_SEEN)
        return registers(event);
    if (event->kind == EVENT_USER_ERASED)
        return erases_rows(event, place);
    return fold_is_known(event->kind) && event->kind != EVENT_CHAT_MIGRATED &&
           event->kind != EVENT_USER_SETTINGS_PATCHED;
}

static bool touches_profile(const struct event *event, const struct fold_place *place)
{
    return names(event) || event->kind == EVENT_USER_SETTINGS_PATCHED || erases_rows(event, place);
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
    fold->users[number] = fold_blank_user(user_id, partition);
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
    fold->profiles[number] = fold_blank_profile(id);
}

void fold_want(struct fold *fold, const struct event *event, const struct fold_place *place)
{
    if (touches_user(event, place))
        want_user(fold, event->subject_id, place->partition);
    if (erases_rows(event, place))
        want_user(fold, erasure_pseudonym(event), place->partition);
    if (touches_profile(event, place))
        want_profile(fold, event->subject_id);
    if (event->kind == EVENT_VIDEO_DOWNLOADED || erases_rows(event, place))
        fold_tops_want(&fold->tops, place->partition);
}

size_t fold_wanted_users(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold_map_sorted_from(&fold->user_map, fold->users_loaded);
    return fold->user_map.count - fold->users_loaded;
}

size_t fold_wanted_profiles(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold_map_sorted_from(&fold->profile_map, fold->profiles_loaded);
    return fold->profile_map.count - fold->profiles_loaded;
}

size_t fold_wanted_tops(struct fold *fold, const int32_t **out_partitions)
{
    size_t count = fold->tops.count - fold->tops.loaded_count;
    *out_partitions = count > 0 ? fold->tops.partitions + fold->tops.loaded_count : NULL;
    return count;
}

void fold_load_user(struct fold *fold, const struct fold_user *row)
{
    size_t number = fold_map_find(&fold->user_map, row->user_id);
    assert(number != FOLD_MAP_ABSENT);
    struct fold_user *user = &fold->users[number];
    int32_t partition = user->partition;
    *user = *row;
    user->partition = partition;
    user->is_loaded = true;
    user->is_changed = false;
    user->is_registration_changed = false;
    user->lang = arena_keep(&fold->texts, row->lang);
    user->link = arena_keep(&fold->texts, row->link);
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
    profile->settings = arena_keep(&fold->texts, row->settings);
}

void fold_load_top(struct fold *fold, const struct fold_top *row)
{
    fold_tops_load(&fold->tops, row);
}

void fold_loaded(struct fold *fold)
{
    fold->users_loaded = fold->user_map.count;
    fold->profiles_loaded = fold->profile_map.count;
    fold->tops.loaded_count = fold->tops.count;
}

/* ---- effects ---- */

static struct fold_user *find_user(struct fold *fold, int64_t id)
{
    size_t number = fold_map_find(&fold->user_map, id);
    assert(number != FOLD_MAP_ABSENT);
    return &fold->users[number];
}

static struct fold_profile *find_profile(struct fold *fold, int64_t id)
{
    size_t number = fold_map_find(&fold->profile_map, id);
    assert(number != FOLD_MAP_ABSENT);
    return &fold->profiles[number];
}

static void erase_rows(struct fold *fold, struct fold_erasure *erasure)
{
    struct fold_user *user = find_user(fold, erasure->user_id);
    struct fold_profile *profile = find_profile(fold, erasure->user_id);
    erasure->has_videos = user->videos.count > 0;
    erasure->has_music = user->music.count > 0;
    if (user->is_loaded)
        fold_ids_add(&fold->erasures.gone_users, user->user_id);
    if (profile->is_loaded)
        fold_ids_add(&fold->erasures.gone_profiles, profile->id);
    fold_tops_remove(&fold->tops, user->partition, user->user_id);
    fold_erase_user(&fold->stats, user, find_user(fold, erasure->pseudonym));
    fold_erase_profile(profile);
}

static void erase(struct fold *fold, const struct event *event, const struct fold_place *place)
{
    struct fold_erasure erasure = {
        .place = *place, .user_id = event->subject_id, .pseudonym = erasure_pseudonym(event)};
    if (erases_rows(event, place))
        erase_rows(fold, &erasure);
    fold_aliases_rename(&fold->aliases, &erasure);
    fold_erasures_add(&fold->erasures, &erasure);
}

void fold_apply(struct fold *fold, const struct event *event, const struct fold_place *place)
{
    struct fold_target target = {.stats = &fold->stats, .texts = &fold->texts};
    if (event->kind == EVENT_USER_ERASED) {
        erase(fold, event, place);
        return;
    }
    if (event->kind == EVENT_CHAT_MIGRATED)
        fold_aliases_add(
            &fold->aliases,
            &(struct fold_alias){place->partition, event->migrated.old_id, event->migrated.new_id});
    if (touches_user(event, place))
        target.user = find_user(fold, event->subject_id);
    if (touches_profile(event, place))
        target.profile = find_profile(fold, event->subject_id);
    fold_effect(&target, event, place);
}

/* ---- results ---- */

size_t fold_changed_users(struct fold *fold, const struct fold_user *const **out_rows)
{
    size_t count = 0;
    const int64_t *ids = fold_map_sorted(&fold->user_map);
    fold->changed_users =
        mem_grow(fold->changed_users, fold->user_map.count, sizeof(*fold->changed_users));
    for (size_t i = 0; i < fold->user_map.count; i++) {
        const struct fold_user *row = &fold->users[fold_map_find(&fold->user_map, ids[i])];
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
    return fold_stats_totals(&fold->stats, out_rows);
}

size_t fold_changed_buckets(struct fold *fold, const struct fold_bucket **out_rows)
{
    return fold_stats_buckets(&fold->stats, out_rows);
}

size_t fold_changed_langs(struct fold *fold, const struct fold_text_count **out_rows)
{
    return fold_texts_sum(&fold->stats.langs, out_rows);
}

size_t fold_changed_links(struct fold *fold, const struct fold_text_count **out_rows)
{
    return fold_texts_sum(&fold->stats.links, out_rows);
}

size_t fold_changed_tops(struct fold *fold, const struct fold_top **out_rows)
{
    for (size_t i = 0; i < fold->user_map.count; i++) {
        const struct fold_user *user = &fold->users[i];
        if (user->is_changed && user->videos.count > 0)
            fold_tops_offer(&fold->tops,
                            &(struct fold_top){user->partition, user->user_id, user->videos.count});
    }
    return fold_tops_changed(&fold->tops, out_rows);
}

size_t fold_new_aliases(struct fold *fold, const struct fold_alias **out_rows)
{
    *out_rows = fold->aliases.items;
    return fold->aliases.count;
}

size_t fold_erasures(struct fold *fold, const struct fold_erasure **out_rows)
{
    *out_rows = fold->erasures.items;
    return fold->erasures.count;
}

size_t fold_gone_users(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold->erasures.gone_users.items;
    return fold->erasures.gone_users.count;
}

size_t fold_gone_profiles(struct fold *fold, const int64_t **out_ids)
{
    *out_ids = fold->erasures.gone_profiles.items;
    return fold->erasures.gone_profiles.count;
}
