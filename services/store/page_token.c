#include "services/store/page_token.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#define UNKNOWN_TIME "-"

static const char *const NAMES[] = {
    [PAGE_USER_IDS] = "after",  [PAGE_USERS] = "users",   [PAGE_USER_VIDEOS] = "downloads",
    [PAGE_HISTORY] = "history", [PAGE_PERIOD] = "period",
};

static bool refuse(struct err *err)
{
    return err_set(err, ERR_REJECT, "page_token: not a token of this list");
}

/* The text before the next colon, or the rest. */
static struct bytes take_part(struct bytes *rest)
{
    const char *colon = rest->len == 0 ? NULL : memchr(rest->data, ':', rest->len);
    size_t len = colon == NULL ? rest->len : (size_t)(colon - rest->data);
    struct bytes part = {rest->data, len};
    size_t skipped = colon == NULL ? len : len + 1;
    *rest = (struct bytes){rest->data + skipped, rest->len - skipped};
    return part;
}

static bool take_name(struct bytes *rest, enum page_list list)
{
    return bytes_equal(take_part(rest), bytes_of_text(NAMES[list]));
}

bool page_token_parse_id(struct bytes token, enum page_list list, int64_t *out_after_id,
                         struct err *err)
{
    if (token.len == 0) {
        *out_after_id = INT64_MIN;
        return true;
    }
    if (!take_name(&token, list) || !bytes_get_int64(token, out_after_id))
        return refuse(err);
    return true;
}

void page_token_put_id(enum page_list list, int64_t after_id, char out[PAGE_TOKEN_MAX])
{
    (void)snprintf(out, PAGE_TOKEN_MAX, "%s:%" PRId64, NAMES[list], after_id);
}

bool page_token_parse_download(struct bytes token, enum page_list list, int64_t of,
                               struct read_after *out, struct err *err)
{
    if (token.len == 0)
        return true;
    int64_t is_of = 0;
    struct read_after after = {0};
    if (!take_name(&token, list) || !bytes_get_int64(take_part(&token), &is_of) || is_of != of)
        return refuse(err);
    struct bytes time = take_part(&token);
    after.is_unknown = bytes_equal(time, BYTES_LITERAL(UNKNOWN_TIME));
    if ((!after.is_unknown && !bytes_get_int64(time, &after.time)) ||
        !bytes_get_int64(token, &after.pk_id))
        return refuse(err);
    *out = after;
    return true;
}

void page_token_put_download(enum page_list list, int64_t of, const struct read_after *after,
                             char out[PAGE_TOKEN_MAX])
{
    char time[24] = UNKNOWN_TIME;
    if (!after->is_unknown)
        (void)snprintf(time, sizeof(time), "%" PRId64, after->time);
    (void)snprintf(out, PAGE_TOKEN_MAX, "%s:%" PRId64 ":%s:%" PRId64, NAMES[list], of, time,
                   after->pk_id);
}
