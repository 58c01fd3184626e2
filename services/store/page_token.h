/*
 * page_token: where a list goes on, as text for the caller to keep. Pure.
 *
 * A token holds the last row's key, which means the same in every generation, and says of which
 * list it is. ERR_REJECT ("page_token: ..."): not a token of this list. The empty text is the
 * beginning.
 */
#ifndef SERVICES_STORE_PAGE_TOKEN_H
#define SERVICES_STORE_PAGE_TOKEN_H

#include "services/store/read_ports.h"

#define PAGE_TOKEN_MAX 96

enum page_list {
    PAGE_USER_IDS,
    PAGE_USERS,
    PAGE_USER_VIDEOS, /* of one chat */
    PAGE_HISTORY,     /* all downloads of one class of chats */
    PAGE_PERIOD,      /* those of a trailing period */
};

/* Lists by id; *out_after_id is INT64_MIN at the beginning. */
MUST_CHECK bool page_token_parse_id(struct bytes token, enum page_list list, int64_t *out_after_id,
                                    struct err *err);
void page_token_put_id(enum page_list list, int64_t after_id, char out[PAGE_TOKEN_MAX]);

/* Lists of downloads. of: the chat's id, or the class's number. The beginning leaves *out as it is.
 */
MUST_CHECK bool page_token_parse_download(struct bytes token, enum page_list list, int64_t of,
                                          struct read_after *out, struct err *err);
void page_token_put_download(enum page_list list, int64_t of, const struct read_after *after,
                             char out[PAGE_TOKEN_MAX]);

#endif
