#include "libs/base/command_line.h"

#include "libs/base/mem.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum option_code {
    OPTION_CHECK_CONFIG = 256, /* beyond the short options */
    OPTION_PRINT_SETTINGS,
    OPTION_PRINT_FAULT_POINTS,
    OPTION_PRINT_PLANTED_BUGS,
};

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"print-settings", no_argument, NULL, OPTION_PRINT_SETTINGS},
#ifdef TELEFACT_FAULTS
    {"print-fault-points", no_argument, NULL, OPTION_PRINT_FAULT_POINTS},
    {"print-planted-bugs", no_argument, NULL, OPTION_PRINT_PLANTED_BUGS},
#endif
    {NULL, 0, NULL, 0},
};

static void print_usage(const struct command_line *line, FILE *out)
{
    (void)fprintf(out,
                  "usage: %s SUBCOMMAND | OPTION\n"
                  "%s"
                  "  --check-config    show the effective settings, secrets masked\n"
                  "  --print-settings  print the reference of all settings\n"
                  "  --help, --version\n"
                  "\n"
                  "Settings are environment variables: see --print-settings.\n"
                  "Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.\n",
                  line->name, line->synopsis);
}

static int run_with_settings(const struct command_line *line, int (*run)(void *settings))
{
    void *settings = mem_alloc(line->settings_size);
    int code = run(settings);
    line->settings_done(settings);
    free(settings);
    return code;
}

/* `words`, separated by single spaces, are exactly these. */
static bool is_same(const char *words, int count, char **given)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(given[i]);
        if (strncmp(words, given[i], len) != 0 || words[len] != (i + 1 < count ? ' ' : '\0'))
            return false;
        words += len + 1;
    }
    return count > 0;
}

static int run_with_arguments(const struct command_line *line, const struct subcommand *subcommand,
                              int count, char **words)
{
    void *settings = mem_alloc(line->settings_size);
    int code = subcommand->run_with(settings, count, words);
    line->settings_done(settings);
    free(settings);
    return code;
}

static int run_subcommand(const struct command_line *line, int count, char **words)
{
    if (count == 0)
        return run_with_settings(line, line->subcommands[0].run);
    for (size_t i = 0; i < line->count; i++) {
        const struct subcommand *subcommand = &line->subcommands[i];
        if (subcommand->run_with != NULL && strcmp(subcommand->words, words[0]) == 0)
            return run_with_arguments(line, subcommand, count, words);
        if (subcommand->run != NULL && is_same(subcommand->words, count, words))
            return run_with_settings(line, subcommand->run);
    }
    (void)fprintf(stderr, "%s: unknown subcommand: %s%s%s\n", line->name, words[0],
                  count > 1 ? " " : "", count > 1 ? words[1] : "");
    print_usage(line, stderr);
    return EXIT_USAGE;
}

static int print_names(const char *const *names)
{
    for (; *names != NULL; names++)
        (void)printf("%s\n", *names);
    return EXIT_SUCCESS;
}

int command_line_run(const struct command_line *line, int argc, char **argv)
{
    switch (getopt_long(argc, argv, "+hV", OPTIONS, NULL)) {
    case -1:
        return run_subcommand(line, argc - optind, argv + optind);
    case 'h':
        print_usage(line, stdout);
        return EXIT_SUCCESS;
    case 'V':
        (void)printf("%s %s\n", line->name, line->version);
        return EXIT_SUCCESS;
    case OPTION_CHECK_CONFIG:
        return run_with_settings(line, line->check_config);
    case OPTION_PRINT_SETTINGS:
        line->print_reference(stdout);
        return EXIT_SUCCESS;
    case OPTION_PRINT_FAULT_POINTS:
        return print_names(line->fault_points);
    case OPTION_PRINT_PLANTED_BUGS:
        return print_names(line->fault_bugs);
    default:
        print_usage(line, stderr);
        return EXIT_USAGE;
    }
}

int command_line_fail(const struct command_line *line, int code, const struct err *err)
{
    (void)fprintf(stderr, "%s: %s\n", line->name, err->text);
    return code;
}
