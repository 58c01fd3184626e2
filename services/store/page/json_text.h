/*
 * json_text: JSON written member by member into a buffer with a maximum.
 *
 * What does not fit cuts the text, once and for all; json_text_is_whole says so at the end. Names
 * are ours and need no escape. Ids are written as texts: they may pass 2^53, up to which JavaScript
 * is exact. Pure.
 */
#ifndef SERVICES_STORE_PAGE_JSON_TEXT_H
#define SERVICES_STORE_PAGE_JSON_TEXT_H

#include "libs/base/buf.h"

struct json_text {
    struct buf out;
    bool is_cut;
    bool needs_comma;
};

void json_text_init(struct json_text *json, size_t max);
void json_text_done(struct json_text *json); /* a zeroed struct is fine */

/* The name is NULL in an array and for the outermost value. */
void json_text_open(struct json_text *json, const char *name, char bracket);
void json_text_close(struct json_text *json, char bracket);
void json_text_number(struct json_text *json, const char *name, int64_t number);
void json_text_id(struct json_text *json, const char *name, int64_t id);
void json_text_bool(struct json_text *json, const char *name, bool value);
void json_text_null(struct json_text *json, const char *name);
void json_text_string(struct json_text *json, const char *name, struct bytes text); /* UTF-8 */

bool json_text_is_whole(const struct json_text *json);

#endif
