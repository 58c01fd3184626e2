#include "services/gateway/updates_answer.h"

#include "libs/json/json_pick.h"

#include <string.h>

#define CODE_UNAUTHORIZED 401
#define CODE_FORBIDDEN 403
#define CODE_NOT_FOUND 404
#define CODE_CONFLICT 409
#define CODE_TOO_MANY 429

/* ---- the verdict ---- */

enum { OK, CODE, PARAMETERS, RESULT, MEMBERS };

static const struct json_member ENVELOPE[MEMBERS] = {
    [OK] = JSON_MEMBER("ok", JSON_ANY),
    [CODE] = JSON_MEMBER("error_code", JSON_INT64),
    [PARAMETERS] = JSON_MEMBER("parameters", JSON_OBJECT),
    [RESULT] = JSON_MEMBER("result", JSON_ANY),
};

static int64_t asked_wait_s(yyjson_val *parameters)
{
    static const struct json_member member = JSON_MEMBER("retry_after", JSON_INT64);
    yyjson_val *value = NULL;
    if (parameters == NULL || !json_pick(parameters, &member, 1, &value) || value == NULL)
        return 0;
    return json_int64(value) > 0 ? json_int64(value) : 0;
}

static enum bot_verdict verdict_of(yyjson_val *found[MEMBERS], int64_t *out_wait_s)
{
    if (yyjson_is_true(found[OK]) && found[RESULT] != NULL)
        return BOT_DONE;
    int64_t code = found[CODE] == NULL ? 0 : json_int64(found[CODE]);
    if (!yyjson_is_false(found[OK]))
        return BOT_TROUBLE;
    *out_wait_s = asked_wait_s(found[PARAMETERS]);
    if (code == CODE_TOO_MANY || *out_wait_s > 0)
        return BOT_WAIT;
    if (code == CODE_CONFLICT)
        return BOT_CONFLICT;
    return code == CODE_UNAUTHORIZED || code == CODE_FORBIDDEN || code == CODE_NOT_FOUND
               ? BOT_NO_ACCESS
               : BOT_TROUBLE;
}

static yyjson_doc *read_envelope(struct bytes answer, yyjson_val *found[MEMBERS])
{
    yyjson_doc *document = yyjson_read(answer.data == NULL ? "" : answer.data, answer.len, 0);
    if (!json_pick(yyjson_doc_get_root(document), ENVELOPE, MEMBERS, found)) {
        yyjson_doc_free(document);
        return NULL;
    }
    return document;
}

enum bot_verdict bot_verdict_read(struct bytes answer, int64_t *out_wait_s)
{
    yyjson_val *found[MEMBERS];
    *out_wait_s = 0;
    yyjson_doc *document = read_envelope(answer, found);
    if (document == NULL)
        return BOT_TROUBLE;
    enum bot_verdict verdict = verdict_of(found, out_wait_s);
    yyjson_doc_free(document);
    return verdict;
}

/* ---- where the values stand; in text that yyjson has read without complaint ---- */

struct scan {
    const char *at;
    const char *end;
};

static void skip_blank(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL)
        scan->at++;
}

static void skip_text(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end && *scan->at != '"')
        scan->at += *scan->at == '\\' ? 2 : 1;
    scan->at++;
}

static void skip_scalar(struct scan *scan)
{
    while (scan->at < scan->end && strchr(",]} \t\r\n", *scan->at) == NULL)
        scan->at++;
}

static void skip_nested(struct scan *scan)
{
    size_t level = 0;
    do {
        char now = *scan->at;
        if (now == '"') {
            skip_text(scan);
            continue;
        }
        level += now == '{' || now == '[' ? 1 : 0;
        level -= now == '}' || now == ']' ? 1 : 0;
        scan->at++;
    } while (level > 0 && scan->at < scan->end);
}

static struct bytes take_value(struct scan *scan)
{
    skip_blank(scan);
    const char *from = scan->at;
    if (scan->at < scan->end && *scan->at == '"')
        skip_text(scan);
    else if (scan->at < scan->end && (*scan->at == '{' || *scan->at == '['))
        skip_nested(scan);
    else
        skip_scalar(scan);
    if (scan->at > scan->end)
        scan->at = scan->end;
    return (struct bytes){from, (size_t)(scan->at - from)};
}

/* The value of the member `result` of the object; {0}: its key is not written plainly. */
static struct bytes find_result(struct bytes object)
{
    struct scan scan = {object.data, object.data + object.len};
    skip_blank(&scan);
    scan.at++;
    while (scan.at < scan.end) {
        struct bytes key = take_value(&scan);
        skip_blank(&scan);
        scan.at++; /* the colon */
        struct bytes value = take_value(&scan);
        if (bytes_equal(key, BYTES_LITERAL("\"result\"")))
            return value;
        skip_blank(&scan);
        scan.at++; /* a comma, or the end */
    }
    return (struct bytes){0};
}

/* ---- the updates ---- */

static bool take_updates(yyjson_val *list, struct bytes text, struct updates_answer *out)
{
    static const struct json_member member = JSON_MEMBER("update_id", JSON_INT64);
    struct scan scan = {text.data + 1, text.data + text.len};
    yyjson_arr_iter all = yyjson_arr_iter_with(list);
    size_t count = 0;
    for (yyjson_val *each = yyjson_arr_iter_next(&all); each != NULL;
         each = yyjson_arr_iter_next(&all)) {
        yyjson_val *id = NULL;
        if (!json_pick(each, &member, 1, &id) || id == NULL)
            return false;
        out->updates[count++] = (struct polled_update){json_int64(id), take_value(&scan)};
        skip_blank(&scan);
        scan.at++; /* a comma, or the end */
    }
    out->count = count;
    return true;
}

static bool read_updates(struct bytes answer, yyjson_val *list, struct updates_answer *out)
{
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > UPDATES_ANSWER_MAX)
        return false;
    struct bytes text = find_result(answer);
    return text.len >= 2 && text.data[0] == '[' && take_updates(list, text, out);
}

void updates_answer_read(struct bytes answer, struct updates_answer *out)
{
    static const char *const why[] = {
        [BOT_DONE] = "",
        [BOT_TROUBLE] = "no usable answer",
        [BOT_WAIT] = "Telegram asks to wait",
        [BOT_CONFLICT] = "somebody else asks for updates, or a webhook is set",
        [BOT_NO_ACCESS] = "Telegram does not know the token",
    };
    yyjson_val *found[MEMBERS];
    *out = (struct updates_answer){.verdict = BOT_TROUBLE};
    yyjson_doc *document = read_envelope(answer, found);
    if (document != NULL) {
        out->verdict = verdict_of(found, &out->wait_s);
        if (out->verdict == BOT_DONE && !read_updates(answer, found[RESULT], out)) {
            out->verdict = BOT_TROUBLE;
            out->count = 0;
        }
    }
    yyjson_doc_free(document);
    out->why = why[out->verdict];
}
