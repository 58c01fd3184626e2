/*
 * fuzz_webhook_options: any words after `telefact-gateway webhook`.
 *
 * One word a line. What is accepted is within its limits, has nothing that its action does not take
 * and means the same when it is written again in full; a refusal is one line without a bot token.
 */
#include "services/gateway/webhook_options.h"

#include "services/gateway/translate.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 16
#define KINDS_BYTES 1024

static bool is_given(const char *text, char **words, int count)
{
    for (int i = 0; i < count; i++)
        if (text >= words[i] && text <= words[i] + strlen(words[i]))
            return true;
    return text == NULL;
}

static void check_options(const struct webhook_options *options, char **words, int count)
{
    bool is_set = options->action == WEBHOOK_SET;
    bool is_rotation = options->action == WEBHOOK_ROTATE_SECRET;
    DEMAND(is_given(options->url, words, count));
    DEMAND(is_given(options->certificate_file, words, count));
    DEMAND(is_given(options->ip_address, words, count));
    DEMAND(options->max_connections >= 0 && options->max_connections <= 100);
    DEMAND((options->allowed_kinds & 1) == 0 && options->allowed_kinds >> UPDATE_KINDS == 0);
    if (is_set) {
        DEMAND(options->url != NULL && strncmp(options->url, "http", 4) == 0);
        DEMAND(!fuzz_has_token(bytes_of_text(options->url)));
    }
    if (is_rotation)
        DEMAND(options->url == NULL && options->max_connections == 0 &&
               options->allowed_kinds == 0);
    if (options->action == WEBHOOK_INFO || options->action == WEBHOOK_DELETE)
        DEMAND(options->url == NULL && options->ip_address == NULL &&
               options->certificate_file == NULL && options->max_connections == 0 &&
               options->allowed_kinds == 0);
}

static void write_kinds(uint32_t kinds, char out[KINDS_BYTES])
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned kind = 1; kind < UPDATE_KINDS; kind++)
        if ((kinds >> kind & 1) != 0)
            len += (size_t)snprintf(out + len, KINDS_BYTES - len, "%s%s", len == 0 ? "" : ",",
                                    update_kind_name((enum update_kind)kind));
}

static int add_words(char **words, int count, char *option, const char *value)
{
    if (value == NULL)
        return count;
    words[count] = option;
    words[count + 1] = (char *)(uintptr_t)value;
    return count + 2;
}

/* Written in full, every option is there once and in another order. */
static void check_again(const struct webhook_options *options)
{
    static const char *const actions[] = {"--help", "set", "info", "delete", "rotate-secret"};
    char *words[WORDS_MAX + 1] = {(char[]){"webhook"}, (char *)(uintptr_t)actions[options->action]};
    char kinds[KINDS_BYTES];
    char connections[16];
    (void)snprintf(connections, sizeof(connections), "%d", options->max_connections);
    write_kinds(options->allowed_kinds, kinds);
    int count = add_words(words, 2, (char[]){"--allowed-updates"},
                          options->allowed_kinds == 0 ? NULL : kinds);
    count = add_words(words, count, (char[]){"--max-connections"},
                      options->max_connections == 0 ? NULL : connections);
    count = add_words(words, count, (char[]){"--ip-address"}, options->ip_address);
    count = add_words(words, count, (char[]){"--certificate"}, options->certificate_file);
    count = add_words(words, count, (char[]){"--url"}, options->url);

    struct webhook_options again;
    struct err err;
    DEMAND(webhook_options_parse(count, words, &again, &err));
    DEMAND(again.action == options->action && again.url == options->url);
    DEMAND(again.certificate_file == options->certificate_file);
    DEMAND(again.ip_address == options->ip_address);
    DEMAND(again.allowed_kinds == options->allowed_kinds);
    DEMAND(again.max_connections == options->max_connections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output errors;
    char *words[WORDS_MAX + 2] = {(char[]){"webhook"}};
    char *text = fuzz_text(fuzz_bytes(data, size));
    int count = 1 + (text[0] == '\0' ? 0 : fuzz_lines(text, words + 1, WORDS_MAX));
    struct webhook_options options;
    struct err err = {0};
    FILE *kept = fuzz_errors();
    stderr = fuzz_output_begin(&errors); /* getopt's own words */
    bool is_good = webhook_options_parse(count, words, &options, &err);
    stderr = kept;
    if (is_good) {
        check_options(&options, words, count);
        if (options.action != WEBHOOK_HELP)
            check_again(&options);
    } else {
        struct bytes why = bytes_of_text(err.text);
        DEMAND(err.kind == ERR_REJECT && why.len > 0 && fuzz_is_one_line(why));
        DEMAND(!fuzz_has_token(why));
    }
    (void)fuzz_output_end(&errors);
    free(text);
    return 0;
}
