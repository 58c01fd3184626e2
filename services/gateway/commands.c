#include "services/gateway/commands.h"

#include "libs/base/command_line.h"
#include "libs/base/log.h"
#include "libs/base/log_signals.h"
#include "services/gateway/app.h"
#include "services/gateway/app_options.h"
#include "services/gateway/faults.h"
#include "services/gateway/kafka/producer.h"
#include "services/gateway/kafka/topics.h"
#include "services/gateway/settings.h"
#include "services/gateway/telegram/bot_call.h"
#include "services/gateway/webhook_command.h"

#include <stdlib.h>

#define HOUR_MS INT64_C(3600000)
#define BOT_CALL_MS 30000     /* for the answer to a command */
#define KAFKA_ANSWER_MS 30000 /* likewise; a cluster may just be starting */

extern char **environ;

static const struct command_line LINE;

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

static int run(void *self)
{
    struct settings *settings = self;
    struct err err;
    if (!gateway_settings_load(environ, settings, stderr, &err) || !check_adapters(settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    log_signals_take((enum log_level)settings->log_level);
    return app_run(settings);
}

static int check_config(void *self)
{
    struct settings *settings = self;
    struct err err;
    if (!gateway_settings_load(environ, settings, stderr, &err) || !check_adapters(settings, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    gateway_settings_show(settings, stdout);
    return EXIT_SUCCESS;
}

static int create_topics(void *self)
{
    struct settings *settings = self;
    struct err err;
    if (!gateway_settings_load_topics(environ, settings, stderr, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    struct kafka_options kafka = app_kafka_options(settings);
    struct topics_plan plan = {
        .replication_factor = (int)settings->topic_replication_factor,
        .raw_retention_ms = settings->raw_retention_hours * HOUR_MS,
        .answer_ms = KAFKA_ANSWER_MS,
    };
    int created = 0;
    if (!topics_create(&kafka, &plan, &created, &err))
        return command_line_fail(&LINE, EXIT_FAILURE, &err);
    (void)puts(created == 0 ? "topics: nothing to create" : "topics: created what was missing");
    return EXIT_SUCCESS;
}

static int check_topics(void *self)
{
    struct settings *settings = self;
    struct err err;
    if (!gateway_settings_load_topics(environ, settings, stderr, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    start_log(settings);
    struct kafka_options kafka = app_kafka_options(settings);
    struct topics_findings findings;
    bool passed = topics_check(&kafka, &findings, &err);
    (void)fputs(findings.report, stderr);
    (void)fputs(findings.advice, stderr);
    if (!passed)
        return command_line_fail(&LINE, EXIT_FAILURE, &err);
    (void)puts("topics: as they must be");
    return EXIT_SUCCESS;
}

static int manage_webhook(void *self, int argc, char **argv)
{
    struct settings *settings = self;
    struct webhook_options options;
    struct err err;
    if (!webhook_options_parse(argc, argv, &options, &err))
        return command_line_fail(&LINE, EXIT_USAGE, &err);
    if (options.action == WEBHOOK_HELP) {
        webhook_options_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!gateway_settings_load_bot(environ, settings, stderr, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    struct webhook_secrets secrets = {settings->webhook_secret, settings->webhook_secret_previous};
    struct bot_call_target target = {settings->api_base_url, settings->bot_token, BOT_CALL_MS};
    struct bot_port bot = bot_call_port(&target);
    if (!webhook_command_check(&options, &secrets, &err))
        return command_line_fail(&LINE, EXIT_CONFIG, &err);
    if (!webhook_command_run(&bot, &options, &secrets, stdout, &err))
        return command_line_fail(&LINE, EXIT_FAILURE, &err);
    return EXIT_SUCCESS;
}

static void settings_end(void *settings)
{
    gateway_settings_done(settings);
}

static const struct subcommand SUBCOMMANDS[] = {{.words = "run", .run = run},
                                                {.words = "topics create", .run = create_topics},
                                                {.words = "topics check", .run = check_topics},
                                                {.words = "webhook", .run_with = manage_webhook}};

static const struct command_line LINE = {
    .name = APP_NAME,
    .version = TELEFACT_VERSION,
    .synopsis = "  run               take updates and published events into Kafka (the default)\n"
                "  topics create     make the topics that are missing\n"
                "  topics check      say what is wrong with the topics\n"
                "  webhook ...       set, show or delete the webhook at Telegram; webhook --help\n",
    .subcommands = SUBCOMMANDS,
    .count = sizeof(SUBCOMMANDS) / sizeof(*SUBCOMMANDS),
    .settings_size = sizeof(struct settings),
    .settings_done = settings_end,
    .check_config = check_config,
    .print_reference = gateway_settings_print_reference,
#ifdef TELEFACT_FAULTS
    .fault_points = GATEWAY_FAULT_POINTS,
    .fault_bugs = GATEWAY_FAULT_BUGS,
#endif
};

int commands_run(int argc, char **argv)
{
    return command_line_run(&LINE, argc, argv);
}
