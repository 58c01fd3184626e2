/*
 * fuzz_commands: any words after a program's name, without a single setting.
 *
 * One word a line. Every command that exists gets as far as the missing settings and no further;
 * what is no command is refused as wrong usage; nothing is ever both shown and refused.
 */
#ifndef TESTS_FUZZ_FUZZ_COMMANDS_H
#define TESTS_FUZZ_FUZZ_COMMANDS_H

#include "libs/base/command_line.h"
#include "tests/fuzz/fuzz.h"

#include <getopt.h>

#define FUZZ_WORDS_MAX 12

extern char **environ;

struct fuzz_words {
    char *all[FUZZ_WORDS_MAX + 2]; /* the program's name first, NULL last */
    int count;                     /* without the name */
};

/* Run the command that `text` says, which is cut into words; its exit code. */
static inline int fuzz_commands(int (*run)(int argc, char **argv), char *program, char *text,
                                struct fuzz_words *out)
{
    static struct fuzz_output output;
    static struct fuzz_output errors;
    static char *no_settings[] = {NULL};
    FILE *kept_out = stdout;
    FILE *kept_errors = fuzz_errors();
    out->all[0] = program;
    out->all[1] = NULL;
    out->count = text[0] == '\0' ? 0 : fuzz_lines(text, out->all + 1, FUZZ_WORDS_MAX);

    environ = no_settings;
    optind = 0; /* glibc: begin anew */
    stdout = fuzz_output_begin(&output);
    stderr = fuzz_output_begin(&errors);
    int code = run(out->count + 1, out->all);
    struct bytes shown = fuzz_output_end(&output);
    struct bytes refused = fuzz_output_end(&errors);
    stdout = kept_out;
    stderr = kept_errors;

    DEMAND(code == EXIT_SUCCESS || code == EXIT_USAGE || code == EXIT_CONFIG);
    DEMAND((code == EXIT_SUCCESS) == (shown.len > 0));
    DEMAND((code == EXIT_SUCCESS) == (refused.len == 0));
    return code;
}

#endif
