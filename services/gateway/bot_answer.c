#include "services/gateway/bot_answer.h"

#include "libs/json/json_pick.h"

#include <stdio.h>

#define ANSWER_LEVELS 64
#define SERVER_ERRORS 500 /* error codes from here on pass */

static bool refuse(yyjson_val *root, struct err *err)
{
    static const struct json_member members[] = {JSON_MEMBER("error_code", JSON_INT64),
                                                 JSON_MEMBER("description", JSON_TEXT),
                                                 JSON_MEMBER("parameters", JSON_OBJECT)};
    static const struct json_member wait_member = JSON_MEMBER("retry_after", JSON_INT64);
    yyjson_val *found[3];
    yyjson_val *wait = NULL;
    if (!json_pick(root, members, 3, found) ||
        (found[2] != NULL && !json_pick(found[2], &wait_member, 1, &wait)))
        return err_set(err, ERR_RETRY, "an answer that is none of the Bot API");
    int64_t code = found[0] == NULL ? 0 : json_int64(found[0]);
    struct bytes why = found[1] == NULL ? BYTES_LITERAL("no reason") : json_text(found[1]);
    if (wait != NULL)
        return err_set(err, ERR_RETRY, "Telegram asks to try again in %lld s: %.*s",
                       (long long)json_int64(wait), (int)why.len, why.data);
    return err_set(err, code == 0 || code >= SERVER_ERRORS ? ERR_RETRY : ERR_REJECT,
                   "Telegram refuses with %lld: %.*s", (long long)code, (int)why.len, why.data);
}

bool bot_answer_read(struct bytes answer, yyjson_doc **out_document, yyjson_val **out_result,
                     struct err *err)
{
    yyjson_doc *document = yyjson_read(answer.data, answer.len, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    if (!yyjson_is_obj(root) || !json_is_shallow(document, ANSWER_LEVELS)) {
        yyjson_doc_free(document);
        return err_set(err, ERR_RETRY, "an answer that is no JSON object");
    }
    yyjson_val *result = yyjson_obj_get(root, "result");
    if (!yyjson_is_true(yyjson_obj_get(root, "ok")) || result == NULL) {
        bool refused = refuse(root, err);
        yyjson_doc_free(document);
        return refused;
    }
    *out_document = document;
    *out_result = result;
    return true;
}
