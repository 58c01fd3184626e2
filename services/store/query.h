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

/* What a chat is, together with the group it was (docs/adr/0009). The texts are views of its rows.
 */
struct read_user query_merge(const struct read_chat *chat);

/* A row that stands for a registered chat. */
bool query_is_found(const struct read_user *user);

/* ad_count >= threshold OR (AND) ad_cooldown < now; never for a chat that is not found. */
bool query_should_show_ad(const struct ad_rules *rules, const struct read_user *user,
                          int64_t now_s);

#endif
