#include "services/store/commands.h"

#include "libs/base/log.h"
#include "services/store/app.h"
#include "services/store/faults.h"
#include "services/store/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 64
#define EXIT_CONFIG 78

extern char **environ;

static const char USAGE[] =
    "usage: telefact-store [run]            move the log into the tables and answer reads\n"
    "       telefact-store migrate          bring the database up to this build's schema\n"
    "       telefact-store --check-config   show the effective settings, secrets masked\n"
    "       telefact-store --print-settings print the reference of all settings\n"
    "       telefact-store --help | --version\n"
    "\n"
    "Settings are environment variables: see --print-settings.\n"
    "Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.\n";

enum option_code {
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_CHECK_CONFIG = 256,
    OPTION_PRINT_SETTINGS = 257,
    OPTION_PRINT_FAULT_POINTS = 258,
    OPTION_PRINT_PLANTED_BUGS = 259,
};

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"print-settings", no_argument, NULL, OPTION_PRINT_SETTINGS},
#ifdef TELEFACT_FAULTS
    {"print-fault-points", no_argument, NULL, OPTION_PRINT_FAULT_POINTS},
    {"print-planted-bugs", no_argument, NULL, OPTION_PRINT_PLANTED_BUGS},
#endif
    {NULL, 0, NULL, 0},
};

static void print_line(FILE *out, const char *prefix, const char *text)
{
    (void)fputs(prefix, out);
    (void)fputs(text, out);
    (void)fputc('\n', out);
}

static int fail(int code, const struct err *err)
{
    print_line(stderr, APP_NAME ": ", err->text);
    return code;
}

static int usage_error(const char *what)
{
    print_line(stderr, APP_NAME ": ", what);
    (void)fputs(USAGE, stderr);
    return EXIT_USAGE;
}

static void start_log(const struct store_settings *settings)
{
    log_init(APP_NAME, TELEFACT_VERSION, (enum log_level)settings->log_level,
             (enum log_format)settings->log_format);
}

static int run(struct store_settings *settings)
{
    struct err err;
    if (!store_settings_load(environ, stderr, settings, &err) || !app_check(settings, &err))
        return fail(EXIT_CONFIG, &err);
    start_log(settings);
    return app_run(settings);
}

static int migrate(struct store_settings *settings)
{
    struct err err;
    if (!store_settings_load_database(environ, stderr, settings, &err))
        return fail(EXIT_CONFIG, &err);
    start_log(settings);
    return app_migrate(settings);
}

static int check_config(struct store_settings *settings)
{
    struct err err;
    if (!store_settings_load(environ, stderr, settings, &err) || !app_check(settings, &err))
        return fail(EXIT_CONFIG, &err);
    store_settings_show(settings, stdout);
    return EXIT_SUCCESS;
}

static int run_and_free(int (*command)(struct store_settings *settings))
{
    struct store_settings settings = {0};
    int code = command(&settings);
    store_settings_done(&settings);
    return code;
}

static int run_subcommand(int count, char **words)
{
    if (count == 0 || (count == 1 && strcmp(words[0], "run") == 0))
        return run_and_free(run);
    if (count == 1 && strcmp(words[0], "migrate") == 0)
        return run_and_free(migrate);
    return usage_error("unknown subcommand, or too many words");
}

#ifdef TELEFACT_FAULTS
static int print_names(const char *const *names)
{
    for (; *names != NULL; names++)
        print_line(stdout, "", *names);
    return EXIT_SUCCESS;
}
#endif

int commands_run(int argc, char **argv)
{
    switch (getopt_long(argc, argv, "+hV", OPTIONS, NULL)) {
    case -1:
        return run_subcommand(argc - optind, argv + optind);
    case OPTION_HELP:
        (void)fputs(USAGE, stdout);
        return EXIT_SUCCESS;
    case OPTION_VERSION:
        print_line(stdout, APP_NAME " ", TELEFACT_VERSION);
        return EXIT_SUCCESS;
    case OPTION_CHECK_CONFIG:
        return run_and_free(check_config);
    case OPTION_PRINT_SETTINGS:
        store_settings_print_reference(stdout);
        return EXIT_SUCCESS;
#ifdef TELEFACT_FAULTS
    case OPTION_PRINT_FAULT_POINTS:
        return print_names(STORE_FAULT_POINTS);
    case OPTION_PRINT_PLANTED_BUGS:
        return print_names(STORE_FAULT_BUGS);
#endif
    default:
        (void)fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
}
