/*
 * fuzz_gateway_commands: any words after `telefact-gateway`, without a single setting.
 *
 * One word a line. Every command that exists gets as far as the missing settings and no further;
 * what is no command is refused as wrong usage; nothing is ever both shown and refused.
 */
#include "libs/base/command_line.h"
#include "services/gateway/commands.h"
#include "services/gateway/webhook_options.h"
#include "tests/fuzz/fuzz.h"

#include <getopt.h>

#define WORDS_MAX 12

extern char **environ;

/* EXIT_SUCCESS: it shows its help. */
static int expect_webhook(char **words, int count)
{
    char *copy[WORDS_MAX + 2] = {NULL};
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

static void check(char **words, int count, int code, struct bytes out)
{
    if (count > 0 && strcmp(words[0], "webhook") == 0)
        DEMAND(code == expect_webhook(words, count));
    if (count == 0 || is_command(words, count))
        DEMAND(code == EXIT_CONFIG);
    if (code == EXIT_CONFIG)
        DEMAND(count == 0 || words[0][0] == '-' || words[0][0] == 'r' || words[0][0] == 't' ||
               words[0][0] == 'w');
    DEMAND((code == EXIT_SUCCESS) == (out.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output out;
    static struct fuzz_output errors;
    static char *no_settings[] = {NULL};
    char *words[WORDS_MAX + 2] = {(char[]){"telefact-gateway"}};
    FILE *kept_out = stdout;
    FILE *kept_errors = fuzz_errors();
    char *text = fuzz_text(fuzz_bytes(data, size));
    int count = text[0] == '\0' ? 0 : fuzz_lines(text, words + 1, WORDS_MAX);

    environ = no_settings;
    optind = 0; /* glibc: begin anew */
    stdout = fuzz_output_begin(&out);
    stderr = fuzz_output_begin(&errors);
    int code = commands_run(count + 1, words);
    struct bytes shown = fuzz_output_end(&out);
    struct bytes refused = fuzz_output_end(&errors);
    DEMAND(code == EXIT_SUCCESS || code == EXIT_USAGE || code == EXIT_CONFIG);
    DEMAND((code == EXIT_SUCCESS) == (refused.len == 0));
    check(words + 1, count, code, shown);
    stdout = kept_out;
    stderr = kept_errors;
    free(text);
    return 0;
}
