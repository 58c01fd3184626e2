#include "services/store/commands.h"

#include "libs/base/command_line.h"
#include "libs/base/log.h"
#include "libs/base/log_signals.h"
#include "services/store/app.h"
#include "services/store/app_dlq.h"
#include "services/store/app_erase.h"
#include "services/store/app_import.h"
#include "services/store/app_page.h"
#include "services/store/app_replay.h"
#include "services/store/app_verify.h"
#include "services/store/faults.h"
#include "services/store/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const struct command_line LINE;

static void start_log(const struct store_settings *settings)
{
    log_init(APP_NAME, TELEFACT_VERSION, (enum log_level)settings->log_level,
             (enum log_format)settings->log_format);
}

static int run(void *self)
{
    struct store_settings *settings = self;
    struct err err;
    if (!store_settings_load(environ, stderr, settings, &err) || !app_check(settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    log_signals_take((enum log_level)settings->log_level);
    return app_run(settings);
}

static int migrate(void *self)
{
    struct store_settings *settings = self;
    struct err err;
    if (!store_settings_load_database(environ, stderr, settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    return app_migrate(settings);
}

static int replay(void *self, int argc, char **argv)
{
    struct store_settings *settings = self;
    struct replay_options options;
    struct err err;
    int code = EXIT_SUCCESS;
    if (!replay_options_parse(argc, argv, &options, &err)) {
        code = command_line_fail(&LINE, EXIT_USAGE, &err);
    } else if (options.action == REPLAY_HELP) {
        replay_options_print_usage(stdout);
    } else if (!store_settings_load(environ, stderr, settings, &err) ||
               !app_check(settings, &err)) {
        code = command_line_fail(&LINE, EXIT_CONFIG, &err);
    } else {
        start_log(settings);
        code = app_replay(settings, &options);
    }
    replay_options_done(&options);
    return code;
}

static int import(void *self, int argc, char **argv)
{
    struct store_settings *settings = self;
    struct import_options options;
    char *conninfo = NULL;
    bool is_whole = false;
    struct err err;
    if (!import_options_parse(argc, argv, &options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (options.is_help) {
        import_options_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!store_settings_load_database(environ, stderr, settings, &err) ||
        !app_import_check(settings, &options, &conninfo, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    bool is_done = app_import_run(settings, &options, conninfo, &is_whole, &err);
    free(conninfo);
    if (!is_done)
        return command_line_fail(&LINE, EXIT_FAILURE, &err);
    return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int verify(void *self, int argc, char **argv)
{
    struct store_settings *settings = self;
    struct verify_options options;
    struct err err;
    if (!verify_options_parse(argc, argv, &options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (options.is_help) {
        verify_options_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!store_settings_load_database(environ, stderr, settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    return app_verify(settings, &options);
}

static int dlq(void *self, int argc, char **argv)
{
    struct store_settings *settings = self;
    struct dlq_options options;
    struct err err;
    if (!dlq_options_parse(argc, argv, &options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (options.action == DLQ_HELP) {
        dlq_options_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!store_settings_load_database(environ, stderr, settings, &err) ||
        !app_dlq_check(settings, &options, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    return app_dlq(settings, &options);
}

/* What cannot be taken back is asked for; where nobody can be asked it must be said. */
static bool agrees(const struct erase_options *options, struct err *err)
{
    char answer[8] = "";
    if (options->is_agreed)
        return true;
    if (isatty(STDIN_FILENO) == 0)
        return err_set(err, ERR_REJECT, "erase: nobody can be asked here; say --yes");
    (void)fputs("This cannot be taken back. Erase? (yes/no) ", stderr);
    if (fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, "yes\n") == 0)
        return true;
    return err_set(err, ERR_REJECT, "erase: not erased");
}

static int erase(void *self, int argc, char **argv)
{
    struct store_settings *settings = self;
    struct erase_options options;
    struct err err;
    if (!erase_options_parse(argc, argv, &options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (options.is_help) {
        erase_options_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!agrees(&options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (!store_settings_load_database(environ, stderr, settings, &err) ||
        !app_erase_check(settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    if (!app_erase(settings, &options, stdout, &err))
        return command_line_fail(&LINE, EXIT_FAILURE, &err);
    return EXIT_SUCCESS;
}

static int check_config(void *self)
{
    struct store_settings *settings = self;
    struct err err;
    if (!store_settings_load(environ, stderr, settings, &err) || !app_check(settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    store_settings_show(settings, stdout);
    char *off = app_page_off(settings);
    if (off != NULL) {
        (void)fputs(off, stderr);
        (void)fputc('\n', stderr);
    }
    free(off);
    return EXIT_SUCCESS;
}

static void settings_end(void *settings)
{
    store_settings_done(settings);
}

static const struct subcommand SUBCOMMANDS[] = {{.words = "run", .run = run},
                                                {.words = "migrate", .run = migrate},
                                                {.words = "replay", .run_with = replay},
                                                {.words = "import", .run_with = import},
                                                {.words = "verify", .run_with = verify},
                                                {.words = "dlq", .run_with = dlq},
                                                {.words = "erase", .run_with = erase}};

static const struct command_line LINE = {
    .name = APP_NAME,
    .version = TELEFACT_VERSION,
    .synopsis = "  run               move the log into the tables and answer reads (the default)\n"
                "  migrate           bring the database up to this build's schema\n"
                "  replay ...        rebuild all tables from the log while the service runs;\n"
                "                    replay --help\n"
                "  import ...        publish the rows of another bot's database; import --help\n"
                "  verify ...        recount the tables and say what differs; verify --help\n"
                "  dlq ...           list, show, retry, drop or export dead letters; dlq --help\n"
                "  erase ...         erase a person from everything; erase --help\n",
    .subcommands = SUBCOMMANDS,
    .count = sizeof(SUBCOMMANDS) / sizeof(*SUBCOMMANDS),
    .settings_size = sizeof(struct store_settings),
    .settings_done = settings_end,
    .check_config = check_config,
    .print_reference = store_settings_print_reference,
#ifdef TELEFACT_FAULTS
    .fault_points = STORE_FAULT_POINTS,
    .fault_bugs = STORE_FAULT_BUGS,
#endif
};

int commands_run(int argc, char **argv)
{
    return command_line_run(&LINE, argc, argv);
}
