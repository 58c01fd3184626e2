/*
 * fuzz_store_commands: any words after `telefact-store`, without a single setting.
 *
 * One word a line. Every command that exists gets as far as the missing settings and no further;
 * what is no command is refused as wrong usage; nothing is ever both shown and refused.
 */
#include "libs/base/command_line.h"
#include "services/store/commands.h"
#include "tests/fuzz/fuzz.h"

#include <getopt.h>

#define WORDS_MAX 12

extern char **environ;

static bool is_command(char **words, int count)
{
    return count == 0 ||
           (count == 1 && (strcmp(words[0], "run") == 0 || strcmp(words[0], "migrate") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output out;
    static struct fuzz_output errors;
    static char *no_settings[] = {NULL};
    char *words[WORDS_MAX + 2] = {(char[]){"telefact-store"}};
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
    stdout = kept_out;
    stderr = kept_errors;

    DEMAND(code == EXIT_SUCCESS || code == EXIT_USAGE || code == EXIT_CONFIG);
    DEMAND((code == EXIT_SUCCESS) == (shown.len > 0));
    DEMAND((code == EXIT_SUCCESS) == (refused.len == 0));
    if (count == 0 || words[1][0] != '-')
        DEMAND((code == EXIT_CONFIG) == is_command(words + 1, count));
    free(text);
    return 0;
}
