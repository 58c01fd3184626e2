/*
 * fuzz_updates_answer: any bytes as the answer to getUpdates.
 *
 * Each update that comes out is one element of the list: its bytes lie inside the answer behind the
 * one before, read alone they are the same value, and the id is the one that stands in them.
 */
#include "services/gateway/updates_answer.h"

#include "tests/fuzz/fuzz.h"

#include <yyjson.h>

static void check_update(const struct polled_update *update, yyjson_val *element)
{
    yyjson_doc *alone = yyjson_read(update->body.data, update->body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(alone);
    yyjson_val *id = yyjson_obj_get(root, "update_id");
    DEMAND(yyjson_is_obj(root) && yyjson_equals(root, element));
    DEMAND(yyjson_is_int(id) && yyjson_get_sint(id) == update->id);
    DEMAND(update->body.data[0] == '{' && update->body.data[update->body.len - 1] == '}');
    yyjson_doc_free(alone);
}

static void check_updates(const struct updates_answer *answer, struct bytes text)
{
    yyjson_doc *document = yyjson_read(text.data, text.len, 0);
    yyjson_val *result = yyjson_obj_get(yyjson_doc_get_root(document), "result");
    const char *at = text.data;
    DEMAND(answer->count <= UPDATES_ANSWER_MAX && answer->count == yyjson_arr_size(result));
    for (size_t i = 0; i < answer->count; i++) {
        const struct polled_update *update = &answer->updates[i];
        DEMAND(update->body.data > at && update->body.len > 0);
        at = update->body.data + update->body.len;
        DEMAND(at < text.data + text.len);
        check_update(update, yyjson_arr_get(result, i));
    }
    yyjson_doc_free(document);
}

/* The verdict does not depend on the updates, except that unusable ones make trouble of it. */
static void check_verdict(const struct updates_answer *answer, struct bytes text)
{
    int64_t wait_s = -1;
    enum bot_verdict verdict = bot_verdict_read(text, &wait_s);
    DEMAND(verdict == answer->verdict || (verdict == BOT_DONE && answer->verdict == BOT_TROUBLE));
    DEMAND(wait_s == answer->wait_s && wait_s >= 0);
    DEMAND(answer->why != NULL && (answer->why[0] == '\0') == (answer->verdict == BOT_DONE));
    DEMAND(answer->count == 0 || answer->verdict == BOT_DONE);
    if (wait_s > 0)
        DEMAND(verdict == BOT_WAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct updates_answer answer;
    struct bytes text = fuzz_bytes(data, size);
    updates_answer_read(text, &answer);
    check_verdict(&answer, text);
    if (answer.verdict == BOT_DONE)
        check_updates(&answer, text);
    return 0;
}
