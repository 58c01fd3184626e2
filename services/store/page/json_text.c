#include "services/store/page/json_text.h"

#include <inttypes.h>

void json_text_init(struct json_text *json, size_t max)
{
    *json = (struct json_text){0};
    buf_init(&json->out, max);
}

void json_text_done(struct json_text *json)
{
    buf_done(&json->out);
}

static void put(struct json_text *json, const char *text, size_t len)
{
    json->is_cut = json->is_cut || !buf_append(&json->out, text, len);
}

static void begin(struct json_text *json, const char *name)
{
    if (json->needs_comma)
        put(json, ",", 1);
    json->needs_comma = true;
    if (name == NULL)
        return;
    put(json, "\"", 1);
    put(json, name, strlen(name));
    put(json, "\":", 2);
}

void json_text_open(struct json_text *json, const char *name, char bracket)
{
    begin(json, name);
    put(json, &bracket, 1);
    json->needs_comma = false;
}

void json_text_close(struct json_text *json, char bracket)
{
    put(json, &bracket, 1);
    json->needs_comma = true;
}

void json_text_number(struct json_text *json, const char *name, int64_t number)
{
    begin(json, name);
    json->is_cut = json->is_cut || !buf_appendf(&json->out, "%" PRId64, number);
}

void json_text_id(struct json_text *json, const char *name, int64_t id)
{
    begin(json, name);
    json->is_cut = json->is_cut || !buf_appendf(&json->out, "\"%" PRId64 "\"", id);
}

void json_text_bool(struct json_text *json, const char *name, bool value)
{
    begin(json, name);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void json_text_null(struct json_text *json, const char *name)
{
    begin(json, name);
    put(json, "null", 4);
}

/* A byte that may not stand in a JSON string as it is. */
static void put_escaped(struct json_text *json, char c)
{
    if (c == '"' || c == '\\') {
        put(json, "\\", 1);
        put(json, &c, 1);
        return;
    }
    json->is_cut =
        json->is_cut || !buf_appendf(&json->out, "\\u%04x", (unsigned int)(unsigned char)c);
}

void json_text_string(struct json_text *json, const char *name, struct bytes text)
{
    begin(json, name);
    put(json, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
            continue;
        put(json, text.data + from, i - from);
        put_escaped(json, text.data[i]);
        from = i + 1;
    }
    if (from < text.len)
        put(json, text.data + from, text.len - from);
    put(json, "\"", 1);
}

bool json_text_is_whole(const struct json_text *json)
{
    return !json->is_cut;
}
