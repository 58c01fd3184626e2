#include "services/store/query.h"

#include <inttypes.h>
#include <stdint.h>
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

bool query_page_parse(struct bytes token, int64_t *out_after_id, struct err *err)
{
    if (token.len == 0) {
        *out_after_id = INT64_MIN;
        return true;
    }
    static const struct bytes LEAD = {"after:", 6};
    bool is_ours = token.len > LEAD.len && memcmp(token.data, LEAD.data, LEAD.len) == 0;
    struct bytes id = {token.data + LEAD.len, token.len - LEAD.len};
    if (!is_ours || !bytes_get_int64(id, out_after_id))
        return err_set(err, ERR_REJECT, "page_token: not a token of this service");
    return true;
}

void query_page_text(int64_t after_id, char out[QUERY_PAGE_TOKEN_MAX])
{
    (void)snprintf(out, QUERY_PAGE_TOKEN_MAX, "after:%" PRId64, after_id);
}
