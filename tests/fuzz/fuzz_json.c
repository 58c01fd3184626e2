/*
 * fuzz_json: any JSON to what takes members out of it and bounds its depth.
 *
 * Both agree with a plain reading: a member that is wanted and stands twice, or has another type,
 * makes its object unusable; the depth is that of the brackets in the text.
 */
#include "libs/json/json_pick.h"

#include "services/gateway/update_json.h"
#include "tests/fuzz/fuzz.h"

#define MEMBERS 4
#define LEVELS_MAX 64

static const struct json_member WANTED[MEMBERS] = {
    JSON_MEMBER("id", JSON_INT64), JSON_MEMBER("type", JSON_TEXT), JSON_MEMBER("chat", JSON_OBJECT),
    JSON_MEMBER("date", JSON_ANY)};

static bool has_type(yyjson_val *value, enum json_type type)
{
    if (yyjson_is_null(value) || type == JSON_ANY)
        return true;
    if (type == JSON_TEXT)
        return yyjson_is_str(value);
    if (type == JSON_OBJECT)
        return yyjson_is_obj(value);
    return yyjson_is_int(value) &&
           (yyjson_is_sint(value) || yyjson_get_uint(value) <= (uint64_t)INT64_MAX);
}

/* The value of the only member of this name, NULL when it is null or absent; false: unusable. */
static bool find(yyjson_val *object, const struct json_member *member, yyjson_val **out)
{
    size_t index;
    size_t count;
    size_t found = 0;
    yyjson_val *key;
    yyjson_val *value;
    *out = NULL;
    yyjson_obj_foreach(object, index, count, key, value)
    {
        if (!yyjson_equals_strn(key, member->key, member->key_len))
            continue;
        found++;
        *out = yyjson_is_null(value) ? NULL : value;
        if (!has_type(value, member->type))
            return false;
    }
    return found <= 1;
}

static void check_pick(yyjson_val *object)
{
    yyjson_val *picked[MEMBERS];
    yyjson_val *found[MEMBERS] = {NULL};
    bool is_good = json_pick(object, WANTED, MEMBERS, picked);
    bool expected = yyjson_is_obj(object);
    for (size_t i = 0; i < MEMBERS && expected; i++)
        expected = find(object, &WANTED[i], &found[i]);
    DEMAND(is_good == expected);
    for (size_t i = 0; i < MEMBERS && is_good; i++)
        DEMAND(picked[i] == found[i]);
    if (is_good && found[0] != NULL)
        DEMAND(json_int64(found[0]) == yyjson_get_sint(found[0]));
}

/* In text that is known to be JSON. */
static size_t depth_of(struct bytes text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool is_text = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (is_text) {
            i += c == '\\' ? 1 : 0;
            is_text = c != '"';
            continue;
        }
        is_text = c == '"';
        depth += c == '{' || c == '[' ? 1 : 0;
        deepest = depth > deepest ? depth : deepest;
        depth -= c == '}' || c == ']' ? 1 : 0;
    }
    return deepest;
}

static void check_update(yyjson_val *object)
{
    struct update_message message;
    struct update_chat chat;
    if (update_get_message(object, &message))
        DEMAND(message.chat.id != 0 && message.date >= 0 && message.date <= 253402300799);
    if (update_get_chat(object, &chat))
        DEMAND(chat.id != 0 && chat.type >= CHAT_UNKNOWN && chat.type <= CHAT_CHANNEL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = fuzz_bytes(data, size);
    size_t levels = 1 + fuzz_byte(&text) % LEVELS_MAX;
    yyjson_doc *document = yyjson_read(text.data, text.len, 0);
    if (document == NULL)
        return 0;
    yyjson_val *root = yyjson_doc_get_root(document);
    DEMAND(json_is_shallow(document, levels) == (depth_of(text) <= levels));
    check_pick(root);
    check_update(root);
    yyjson_val *chat = yyjson_obj_get(root, "chat");
    check_pick(chat);
    check_update(chat);
    yyjson_doc_free(document);
    return 0;
}
