/*
 * query: the rules of the answers that are not a plain column. Pure.
 */
#ifndef SERVICES_STORE_QUERY_H
#define SERVICES_STORE_QUERY_H

#include "services/store/read_ports.h"

enum ad_mode { AD_MODE_OR, AD_MODE_AND };

/* Read-side rules of advertisements (settings). */
struct ad_rules {
    int32_t threshold;
    enum ad_mode mode;
};

/* A row that stands for a registered chat. */
bool query_is_found(const struct read_user *user);

/* ad_count >= threshold OR (AND) ad_cooldown < now; never for a chat that is not found. */
bool query_should_show_ad(const struct ad_rules *rules, const struct read_user *user,
                          int64_t now_s);

#define QUERY_PAGE_TOKEN_MAX 48

/* A list of ids goes on after the last id that was sent; that holds for every generation.
 * ERR_REJECT: not a token of ours. The empty text is the beginning. */
MUST_CHECK bool query_page_parse(struct bytes token, int64_t *out_after_id, struct err *err);
void query_page_text(int64_t after_id, char out[QUERY_PAGE_TOKEN_MAX]);

#endif
