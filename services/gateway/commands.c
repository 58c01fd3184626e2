#include "services/gateway/commands.h"

#include "libs/base/log.h"
#include "services/gateway/app.h"
#include "services/gateway/faults.h"
#include "services/gateway/kafka/producer.h"
#include "services/gateway/kafka/topics.h"
#include "services/gateway/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 64
#define EXIT_CONFIG 78
#define HOUR_MS INT64_C(3600000)

extern char **environ;

static const char USAGE[] =
    "usage: telefact-gateway [run]            take updates and published events into Kafka\n"
    "       telefact-gateway topics create    make the topics that are missing\n"
    "       telefact-gateway topics check     say what is wrong with the topics\n"
    "       telefact-gateway --check-config   show the effective settings, secrets masked\n"
    "       telefact-gateway --print-settings print the reference of all settings\n"
    "       telefact-gateway --help | --version\n"
    "\n"
    "Settings are environment variables: see --print-settings.\n"
    "Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.\n";

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

/* What only the adapters can tell about the settings. */
static bool check_adapters(const struct settings *settings, struct err *err)
{
    struct kafka_options kafka = app_kafka_options(settings);
    struct publish_service_options publish = app_publish_options(settings);
    return producer_check(&kafka, err) &&
           ((settings->roles & ROLE_PUBLISH) == 0 || publish_service_check(&publish, err));
}

static void start_log(const struct settings *settings)
{
    log_init(APP_NAME, TELEFACT_VERSION, (enum log_level)settings->log_level,
             (enum log_format)settings->log_format);
}

static int run(struct settings *settings)
{
    struct err err;
    if (!gateway_settings_load(environ, settings, stderr, &err) || !check_adapters(settings, &err))
        return fail(EXIT_CONFIG, &err);
    start_log(settings);
    return app_run(settings);
}

static int check_config(struct settings *settings)
{
    struct err err;
    if (!gateway_settings_load(environ, settings, stderr, &err) || !check_adapters(settings, &err))
        return fail(EXIT_CONFIG, &err);
    gateway_settings_show(settings, stdout);
    return EXIT_SUCCESS;
}

static int create_topics(struct settings *settings)
{
    struct err err;
    if (!gateway_settings_load_topics(environ, settings, stderr, &err))
        return fail(EXIT_CONFIG, &err);
    start_log(settings);
    struct kafka_options kafka = app_kafka_options(settings);
    struct topics_plan plan = {
        .replication_factor = (int)settings->topic_replication_factor,
        .raw_retention_ms = settings->raw_retention_hours * HOUR_MS,
    };
    int created = 0;
    if (!topics_create(&kafka, &plan, &created, &err))
        return fail(EXIT_FAILURE, &err);
    print_line(stdout, "topics: ", created == 0 ? "nothing to create" : "created what was missing");
    return EXIT_SUCCESS;
}

static int check_topics(struct settings *settings)
{
    struct err err;
    if (!gateway_settings_load_topics(environ, settings, stderr, &err))
        return fail(EXIT_CONFIG, &err);
    start_log(settings);
    struct kafka_options kafka = app_kafka_options(settings);
    struct topics_findings findings;
    bool passed = topics_check(&kafka, &findings, &err);
    (void)fputs(findings.report, stderr);
    (void)fputs(findings.advice, stderr);
    if (!passed)
        return fail(EXIT_FAILURE, &err);
    print_line(stdout, "topics: ", "as they must be");
    return EXIT_SUCCESS;
}

static int run_and_free(int (*command)(struct settings *settings))
{
    struct settings settings = {0};
    int code = command(&settings);
    gateway_settings_done(&settings);
    return code;
}

static int run_subcommand(int count, char **words)
{
    if (count == 0 || (count == 1 && strcmp(words[0], "run") == 0))
        return run_and_free(run);
    if (strcmp(words[0], "topics") != 0)
        return usage_error("unknown subcommand, or too many words");
    if (count == 2 && strcmp(words[1], "create") == 0)
        return run_and_free(create_topics);
    if (count == 2 && strcmp(words[1], "check") == 0)
        return run_and_free(check_topics);
    return usage_error("topics: say create or check");
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
    case 'h':
        (void)fputs(USAGE, stdout);
        return EXIT_SUCCESS;
    case 'V':
        print_line(stdout, APP_NAME " ", TELEFACT_VERSION);
        return EXIT_SUCCESS;
    case OPTION_CHECK_CONFIG:
        return run_and_free(check_config);
    case OPTION_PRINT_SETTINGS:
        gateway_settings_print_reference(stdout);
        return EXIT_SUCCESS;
#ifdef TELEFACT_FAULTS
    case OPTION_PRINT_FAULT_POINTS:
        return print_names(GATEWAY_FAULT_POINTS);
    case OPTION_PRINT_PLANTED_BUGS:
        return print_names(GATEWAY_FAULT_BUGS);
#endif
    default:
        (void)fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
}
