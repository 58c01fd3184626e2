/*
 * fuzz_webhook_command: any bytes as the answers of the Bot API to the webhook command.
 *
 * The first byte chooses the command, the rest is Telegram's answer to its first call. What is
 * shown has neither control characters nor a bot token; a rotation sets again exactly what
 * getWebhookInfo told, and never anything but the new secret beside it.
 */
#include "services/gateway/webhook_command.h"

#include "services/gateway/webhook_info.h"
#include "tests/fuzz/fuzz.h"

#include <yyjson.h>

struct telegram {
    struct bytes answer; /* to the first call */
    int calls;
    bool is_set; /* setWebhook was called */
};

static yyjson_val *told(yyjson_doc *document, const char *key)
{
    return yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(document), "result"), key);
}

static void check_field(const struct bot_field *field, yyjson_doc *document)
{
    if (strcmp(field->name, "secret_token") == 0) {
        DEMAND(bytes_equal(field->value, BYTES_LITERAL("new_secret")));
        return;
    }
    yyjson_val *value = told(document, field->name);
    if (strcmp(field->name, "url") == 0) {
        struct bytes url = {yyjson_get_str(value), yyjson_get_len(value)};
        DEMAND(field->value.len > 0 && bytes_equal(field->value, url));
        return;
    }
    /* The others are JSON. */
    yyjson_doc *sent = yyjson_read(field->value.data, field->value.len, 0);
    DEMAND(sent != NULL && yyjson_equals(yyjson_doc_get_root(sent), value));
    DEMAND(strcmp(field->name, "max_connections") == 0 ||
           strcmp(field->name, "allowed_updates") == 0);
    yyjson_doc_free(sent);
}

static void check_rotation(const struct telegram *telegram, const struct bot_request *request)
{
    yyjson_doc *document = yyjson_read(telegram->answer.data, telegram->answer.len, 0);
    size_t secrets = 0;
    for (size_t i = 0; i < request->field_count; i++) {
        check_field(&request->fields[i], document);
        secrets += strcmp(request->fields[i].name, "secret_token") == 0 ? 1 : 0;
    }
    DEMAND(secrets == 1);
    yyjson_doc_free(document);
}

static bool call(void *self, const struct bot_request *request, struct buf *out_answer,
                 struct err *err)
{
    struct telegram *telegram = self;
    (void)err;
    telegram->calls++;
    if (strcmp(request->method, "setWebhook") == 0) {
        telegram->is_set = true;
        if (telegram->calls > 1)
            check_rotation(telegram, request);
    }
    struct bytes answer =
        telegram->calls > 1 ? BYTES_LITERAL("{\"ok\":true,\"result\":true}") : telegram->answer;
    return buf_append(out_answer, answer.data, answer.len);
}

static void check_shown(struct bytes shown)
{
    while (shown.len > 0) {
        struct bytes line = fuzz_cut(&shown, '\n');
        DEMAND(fuzz_is_one_line(line) && !fuzz_has_token(line) && bytes_is_utf8(line));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output out;
    static const enum webhook_action actions[] = {WEBHOOK_INFO, WEBHOOK_ROTATE_SECRET, WEBHOOK_SET,
                                                  WEBHOOK_DELETE};
    struct bytes rest = fuzz_bytes(data, size);
    struct webhook_options options = {.action = actions[fuzz_byte(&rest) % 4],
                                      .url = "https://example.org/x"};
    struct telegram telegram = {.answer = rest};
    struct bot_port bot = {.call = call, .self = &telegram};
    struct webhook_secrets secrets = {"new_secret", "old_secret"};
    struct err err = {0};
    bool is_done = webhook_command_run(&bot, &options, &secrets, fuzz_output_begin(&out), &err);
    struct bytes shown = fuzz_output_end(&out);
    check_shown(shown);
    DEMAND(is_done == (shown.len > 0));
    DEMAND(telegram.calls == (options.action == WEBHOOK_ROTATE_SECRET && telegram.is_set ? 2 : 1));
    if (!is_done)
        DEMAND((err.kind == ERR_REJECT || err.kind == ERR_RETRY) &&
               !fuzz_has_token(bytes_of_text(err.text)) &&
               fuzz_is_one_line(bytes_of_text(err.text)));
    return 0;
}
