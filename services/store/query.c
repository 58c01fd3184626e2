#include "services/store/query.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

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

bool query_page_parse(struct bytes token, struct query_page *out, struct err *err)
{
    if (token.len == 0) {
        *out = (struct query_page){0, INT64_MIN};
        return true;
    }
    const char *colon = memchr(token.data, ':', token.len);
    if (token.data[0] != 'g' || colon == NULL)
        return err_set(err, ERR_REJECT, "page_token: not a token of this service");

    struct bytes generation = {token.data + 1, (size_t)(colon - token.data) - 1};
    struct bytes after = {colon + 1, token.len - generation.len - 2};
    int64_t number = 0;
    int64_t after_id = 0;
    if (!bytes_get_int64(generation, &number) || number < 1 || number > INT32_MAX ||
        !bytes_get_int64(after, &after_id))
        return err_set(err, ERR_REJECT, "page_token: not a token of this service");
    *out = (struct query_page){(int32_t)number, after_id};
    return true;
}

void query_page_text(const struct query_page *page, char out[QUERY_PAGE_TOKEN_MAX])
{
    (void)snprintf(out, QUERY_PAGE_TOKEN_MAX, "g%" PRId32 ":%" PRId64, page->generation,
                   page->after_id);
}
