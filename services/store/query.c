#include "services/store/query.h"

/* Chosen explicitly, or by the registration that stands. */
static bool has_lang(const struct read_user *user)
{
    return user->exists && (user->is_lang_set || !user->is_stub);
}

static bool has_mode(const struct read_user *user)
{
    return user->exists && (user->is_mode_set || !user->is_stub);
}

static void take_registration(struct read_user *to, const struct read_user *from)
{
    to->is_stub = false;
    to->has_registered_at = from->has_registered_at;
    to->registered_at = from->registered_at;
    to->link = from->link;
}

struct read_user query_merge(const struct read_chat *chat)
{
    const struct read_user *own = &chat->own;
    const struct read_user *old = &chat->old;
    struct read_user merged = own->exists ? *own : *old;
    merged.user_id = chat->user_id;
    if (!own->exists || !old->exists)
        return merged;
    if (!old->is_stub)
        take_registration(&merged, old);
    if (!own->is_lang_set && has_lang(old))
        merged.lang = old->lang;
    if (!own->is_mode_set && has_mode(old))
        merged.file_mode = old->file_mode;
    merged.is_lang_set = own->is_lang_set || old->is_lang_set;
    merged.is_mode_set = own->is_mode_set || old->is_mode_set;
    merged.videos = own->videos + old->videos;
    merged.images = own->images + old->images;
    return merged;
}

bool query_is_found(const struct read_user *user)
{
    return user->exists && !user->is_stub;
}

bool query_should_show_ad(const struct ad_rules *rules, const struct read_user *user, int64_t now_s)
{
    if (!query_is_found(user))
        return false;
    bool enough = user->ad_count >= rules->threshold;
    bool cooled = user->ad_cooldown < now_s;
    return rules->mode == AD_MODE_AND ? enough && cooled : enough || cooled;
}
