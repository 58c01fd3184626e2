/*
 * command_line: what both services' command lines have in common: subcommands, --help, --version,
 * --check-config, --print-settings, exit codes, and in test builds the lists of faults.
 */
#ifndef LIBS_BASE_COMMAND_LINE_H
#define LIBS_BASE_COMMAND_LINE_H

#include "libs/base/err.h"

#include <stdio.h>

#define EXIT_USAGE 64  /* the command line is wrong */
#define EXIT_CONFIG 78 /* a setting is wrong */

struct subcommand {
    const char *words; /* "run", "topics create"; the first one is also run without any word */
    int (*run)(void *settings); /* returns the exit code */
    /* Instead of run, for one word that takes more: argv[0] is that word. */
    int (*run_with)(void *settings, int argc, char **argv);
};

struct command_line {
    const char *name;
    const char *version;
    const char *synopsis; /* the lines of --help that name the subcommands */
    const struct subcommand *subcommands;
    size_t count;
    size_t settings_size; /* of the service's settings, handed to run zeroed */
    void (*settings_done)(void *settings);
    int (*check_config)(void *settings);
    void (*print_reference)(FILE *out);
    const char *const *fault_points; /* ended by NULL; as fault_init */
    const char *const *fault_bugs;
};

/* Do what the words say. Returns the exit code. */
int command_line_run(const struct command_line *line, int argc, char **argv);

/* "<name>: <text>" on standard error; returns `code`. */
int command_line_fail(const struct command_line *line, int code, const struct err *err);

#endif
