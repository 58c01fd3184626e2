#include "services/gateway/update_json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DATE_MAX INT64_C(253402300799)

bool update_get_chat(yyjson_val *object, struct update_chat *out)
{
    static const struct json_member members[] = {JSON_MEMBER("id", JSON_INT64),
                                                 JSON_MEMBER("type", JSON_TEXT)};
    static const char *const types[] = {
        [CHAT_PRIVATE] = "private",
        [CHAT_GROUP] = "group",
        [CHAT_SUPERGROUP] = "supergroup",
        [CHAT_CHANNEL] = "channel",
    };
    yyjson_val *found[COUNT(members)];
    if (!json_pick(object, members, COUNT(members), found) || found[0] == NULL || found[1] == NULL)
        return false;
    out->id = json_int64(found[0]);
    out->type = CHAT_UNKNOWN;
    for (size_t i = CHAT_PRIVATE; i < COUNT(types); i++) {
        if (json_key_is(found[1], bytes_of_text(types[i])))
            out->type = (enum event_chat_type)i;
    }
    return out->id != 0;
}

bool update_get_date(yyjson_val *value, int64_t *out)
{
    if (value == NULL)
        return false;
    *out = json_int64(value);
    return *out >= 0 && *out <= DATE_MAX;
}

bool update_get_message(yyjson_val *object, struct update_message *out)
{
    enum { CHAT, ID, DATE, EDIT_DATE, FROM, TEXT, MIGRATE_TO, MIGRATE_FROM };
    static const struct json_member members[] = {
        [CHAT] = JSON_MEMBER("chat", JSON_OBJECT),
        [ID] = JSON_MEMBER("message_id", JSON_INT64),
        [DATE] = JSON_MEMBER("date", JSON_INT64),
        [EDIT_DATE] = JSON_MEMBER("edit_date", JSON_INT64),
        [FROM] = JSON_MEMBER("from", JSON_OBJECT),
        [TEXT] = JSON_MEMBER("text", JSON_TEXT),
        [MIGRATE_TO] = JSON_MEMBER("migrate_to_chat_id", JSON_INT64),
        [MIGRATE_FROM] = JSON_MEMBER("migrate_from_chat_id", JSON_INT64),
    };
    yyjson_val *found[COUNT(members)];
    if (!json_pick(object, members, COUNT(members), found) || found[ID] == NULL)
        return false;
    out->id = json_int64(found[ID]);
    out->from = found[FROM];
    out->text = found[TEXT];
    out->migrate_to = found[MIGRATE_TO];
    out->migrate_from = found[MIGRATE_FROM];
    yyjson_val *date = found[EDIT_DATE] != NULL ? found[EDIT_DATE] : found[DATE];
    return update_get_date(date, &out->date) && update_get_chat(found[CHAT], &out->chat);
}
