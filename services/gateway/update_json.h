/*
 * update_json: the objects inside an update that several update kinds share. Strict, as json_pick:
 * false means that something needed is missing, stands twice or has the wrong type. Pure;
 * thread-safe.
 */
#ifndef SERVICES_GATEWAY_UPDATE_JSON_H
#define SERVICES_GATEWAY_UPDATE_JSON_H

#include "libs/json/json_pick.h"
#include "libs/wire/event.h"

/* The chat of a message, button or member change. */
struct update_chat {
    int64_t id;
    enum event_chat_type type; /* CHAT_UNKNOWN: newer than this build */
};

struct update_message {
    struct update_chat chat;
    int64_t id;
    int64_t date;
    yyjson_val *from;         /* NULL: posted by a chat */
    yyjson_val *text;         /* NULL: none */
    yyjson_val *migrate_to;   /* NULL: none */
    yyjson_val *migrate_from; /* NULL: none */
};

bool update_get_chat(yyjson_val *object, struct update_chat *out);
bool update_get_message(yyjson_val *object, struct update_message *out);

/* Unix seconds up to the end of the year 9999; NULL: missing. */
bool update_get_date(yyjson_val *value, int64_t *out);

#endif
