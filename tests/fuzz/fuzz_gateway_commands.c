/* fuzz_gateway_commands: any words after `telefact-gateway`; see fuzz_commands.h. */
#include "services/gateway/commands.h"
#include "services/gateway/webhook_options.h"
#include "tests/fuzz/fuzz_commands.h"

/* EXIT_SUCCESS: it shows its help. */
static int expect_webhook(char **words, int count)
{
    char *copy[FUZZ_WORDS_MAX + 2] = {NULL};
    struct webhook_options options;
    struct err err;
    memcpy(copy, words, (size_t)count * sizeof(*words));
    if (!webhook_options_parse(count, copy, &options, &err))
        return EXIT_USAGE;
    return options.action == WEBHOOK_HELP ? EXIT_SUCCESS : EXIT_CONFIG;
}

static bool is_command(char **words, int count)
{
    if (count == 1 && strcmp(words[0], "run") == 0)
        return true;
    return count == 2 && strcmp(words[0], "topics") == 0 &&
           (strcmp(words[1], "create") == 0 || strcmp(words[1], "check") == 0);
}

static void check(char **words, int count, int code)
{
    if (count > 0 && strcmp(words[0], "webhook") == 0)
        DEMAND(code == expect_webhook(words, count));
    if (count == 0 || is_command(words, count))
        DEMAND(code == EXIT_CONFIG);
    if (code == EXIT_CONFIG)
        DEMAND(count == 0 || words[0][0] == '-' || words[0][0] == 'r' || words[0][0] == 't' ||
               words[0][0] == 'w');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(fuzz_bytes(data, size));
    struct fuzz_words words;
    int code = fuzz_commands(commands_run, (char[]){"telefact-gateway"}, text, &words);
    check(words.all + 1, words.count, code);
    free(text);
    return 0;
}
