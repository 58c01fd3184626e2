#include "services/gateway/webhook_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Answers getWebhookInfo, and keeps a field of the setWebhook that follows. */
struct telegram {
    const char *info;
    const char *field;
    char sent[256];
};

static bool call(void *self, const struct bot_request *request, struct buf *out_answer,
                 struct err *err)
{
    struct telegram *telegram = self;
    (void)err;
    for (size_t i = 0; i < request->field_count; i++)
        if (strcmp(request->fields[i].name, telegram->field) == 0)
            memcpy(telegram->sent, request->fields[i].value.data, request->fields[i].value.len);
    const char *answer = strcmp(request->method, "getWebhookInfo") == 0
                             ? telegram->info
                             : "{\"ok\":true,\"result\":true}";
    return buf_append(out_answer, answer, strlen(answer));
}

static void assert_kept(const char *info, const char *field, const char *sent)
{
    const struct webhook_options options = {.action = WEBHOOK_ROTATE_SECRET};
    const struct webhook_secrets secrets = {"new", "old"};
    struct telegram telegram = {.info = info, .field = field};
    struct bot_port bot = {.call = call, .self = &telegram};
    char *text = NULL;
    size_t len = 0;
    struct err err;
    FILE *out = open_memstream(&text, &len);
    assert_true(webhook_command_run(&bot, &options, &secrets, out, &err));
    (void)fclose(out);
    assert_string_equal(telegram.sent, sent);
    free(text);
}

static void a_rotation_keeps_what_telegram_told(void **state)
{
    (void)state;
    assert_kept("{\"ok\":true,\"result\":{\"url\":\"https://x/y\"}}", "url", "https://x/y");
    assert_kept("{\"ok\":true,\"result\":{\"url\":\"https://x\",\"max_connections\":40}}",
                "max_connections", "40");
    assert_kept("{\"ok\":true,\"result\":{\"url\":\"https://x\",\"max_connections\":"
                "1000000000000000000}}",
                "max_connections", "1000000000000000000");
    assert_kept("{\"ok\":true,\"result\":{\"url\":\"https://x\",\"allowed_updates\":[\"message\","
                "\"poll\"]}}",
                "allowed_updates", "[\"message\",\"poll\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_rotation_keeps_what_telegram_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
