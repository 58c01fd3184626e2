#include "services/gateway/settings.h"

#include "libs/wire/position.h"
#include "services/gateway/settings_check.h"

#define AT(field) offsetof(struct settings, field)

static const char *const MODES[] = {"webhook", "polling", "none", NULL};
static const char *const ROLES[] = {"ingest", "publish", "worker", NULL};
static const char *const COMPRESSIONS[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};
static const char *const LOG_LEVELS[] = {"error", "warn", "info", "debug", NULL};
static const char *const LOG_FORMATS[] = {"logfmt", "json", NULL};

/* What "acknowledged means durable", the order of a chat and bounded memory stand on. */
static const char *const REFUSED[] = {"acks",
                                      "request.required.acks",
                                      "allow.auto.create.topics",
                                      "auto.offset.reset",
                                      "check.crcs",
                                      "delivery.timeout.ms",
                                      "enable.auto.commit",
                                      "enable.gapless.guarantee",
                                      "enable.idempotence",
                                      "group.protocol",
                                      "message.max.bytes",
                                      "message.timeout.ms",
                                      "partitioner",
                                      "queue.buffering.max.kbytes",
                                      "queue.buffering.max.messages",
                                      "queuing.strategy",
                                      "statistics.interval.ms",
                                      "transactional.id",
                                      NULL};

static const struct setting ROWS[] = {
    {.name = "GATEWAY_BOT_TOKEN",
     .type = SETTING_SECRET,
     .offset = AT(bot_token),
     .doc = "Token of the bot; the number before its colon is the bot id of all events."},
    {.name = "GATEWAY_BOT_ID",
     .type = SETTING_INT,
     .offset = AT(bot_id),
     .standard = "0",
     .min = 0,
     .max = INT64_MAX,
     .doc = "Id of the bot when the token is kept from this process; 0: taken from the token."},
    {.name = "GATEWAY_API_BASE_URL",
     .type = SETTING_TEXT,
     .offset = AT(api_base_url),
     .standard = "https://api.telegram.org",
     .doc = "The Bot API server (https, or http for one of your own); the methods are at "
            "<url>/bot<token>/<method>."},
    {.name = "GATEWAY_MODE",
     .type = SETTING_CHOICE,
     .offset = AT(mode),
     .standard = "webhook",
     .choices = MODES,
     .doc = "How updates come in: webhook listens for Telegram, polling asks Telegram (needs "
            "GATEWAY_BOT_TOKEN and that no webhook is set), none takes no updates."},
    {.name = "GATEWAY_ROLES",
     .type = SETTING_SET,
     .offset = AT(roles),
     .standard = "ingest,publish",
     .choices = ROLES,
     .doc = "What this process does: ingest takes updates, publish serves PublishService; worker "
            "is not built yet."},
    {.name = "GATEWAY_POLL_TIMEOUT_S",
     .type = SETTING_INT,
     .offset = AT(poll_timeout_s),
     .standard = "50",
     .min = 0,
     .max = 50,
     .doc = "How long Telegram may hold back its answer to getUpdates until there is an update."},
    {.name = "GATEWAY_WEBHOOK_URL",
     .type = SETTING_TEXT,
     .offset = AT(webhook_url),
     .doc = "The address that the webhook must be set to; another one is an alarm. Empty: any. "
            "Looked at with GATEWAY_BOT_TOKEN in mode webhook."},
    {.name = "GATEWAY_WEBHOOK_CHECK_S",
     .type = SETTING_INT,
     .offset = AT(webhook_check_s),
     .standard = "60",
     .min = 0,
     .max = 86400,
     .doc = "How often Telegram is asked how the webhook fares, which needs GATEWAY_BOT_TOKEN; 0: "
            "never."},
    {.name = "GATEWAY_WEBHOOK_LISTEN",
     .type = SETTING_TEXT,
     .offset = AT(webhook_listen),
     .standard = "0.0.0.0:8080",
     .doc = "Where Telegram's POSTs arrive (plain HTTP behind a TLS proxy), as host:port."},
    {.name = "GATEWAY_WEBHOOK_PATH",
     .type = SETTING_TEXT,
     .offset = AT(webhook_path),
     .standard = "/telegram",
     .doc = "The only path that takes updates; never put the token into it."},
    {.name = "GATEWAY_WEBHOOK_SECRET",
     .type = SETTING_SECRET,
     .offset = AT(webhook_secret),
     .doc = "Secret token given to setWebhook, 1 to 256 of A-Z a-z 0-9 _ -; 43 random ones are a "
            "good choice. Needed in mode webhook."},
    {.name = "GATEWAY_WEBHOOK_SECRET_PREVIOUS",
     .type = SETTING_SECRET,
     .offset = AT(webhook_secret_previous),
     .doc = "A second valid secret while it is being changed at Telegram."},
    {.name = "GATEWAY_MAX_CONNECTIONS",
     .type = SETTING_INT,
     .offset = AT(max_connections),
     .standard = "128",
     .min = 1,
     .max = 65536,
     .doc = "Open webhook connections; more wait in the kernel. Telegram opens max_connections "
            "(40, at most 100)."},
    {.name = "GATEWAY_MAX_BODY_BYTES",
     .type = SETTING_INT,
     .offset = AT(max_body_bytes),
     .standard = "1048576",
     .min = 1024,
     .max = 1966080,
     .doc = "Largest body of a webhook request; Telegram's updates stay below 512 KiB."},
    {.name = "GATEWAY_REQUEST_DEADLINE_MS",
     .type = SETTING_INT,
     .offset = AT(request_deadline_ms),
     .standard = "10000",
     .min = 100,
     .max = 60000,
     .doc = "Time for a webhook request to arrive, from its first byte to its last, and again for "
            "its answer to leave."},
    {.name = "GATEWAY_IDLE_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(idle_ms),
     .standard = "75000",
     .min = 100,
     .max = 3600000,
     .doc = "How long a webhook connection without a request stays open; Telegram's own limit is "
            "60 s."},
    {.name = "GATEWAY_FORWARD_URL",
     .type = SETTING_SECRET,
     .offset = AT(forward_url),
     .doc = "Webhook of your own bot (http or https): every update is passed on after it is "
            "durable, and the bot's answer goes to Telegram. Empty: no forwarding."},
    {.name = "GATEWAY_FORWARD_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(forward_timeout_ms),
     .standard = "25000",
     .min = 100,
     .max = 55000,
     .doc = "Time for the bot behind GATEWAY_FORWARD_URL to answer; then Telegram is asked to send "
            "the update again."},
    {.name = "GATEWAY_RPC_LISTEN",
     .type = SETTING_TEXT,
     .offset = AT(rpc_listen),
     .standard = "127.0.0.1:9090",
     .doc = "Where PublishService is served (gRPC over HTTP/2 without TLS), as host:port."},
    {.name = "GATEWAY_RPC_TOKENS_FILE",
     .type = SETTING_TEXT,
     .offset = AT(rpc_tokens_file),
     .doc = "File with the accepted bearer tokens, one a line; needed to listen beyond loopback."},
    {.name = "GATEWAY_RPC_ALLOW_PUBLIC",
     .type = SETTING_BOOL,
     .offset = AT(rpc_allow_public),
     .standard = "false",
     .doc = "Listen beyond loopback without tokens, because something in front authenticates."},
    {.name = "GATEWAY_AD_COOLDOWN_S",
     .type = SETTING_INT,
     .offset = AT(ad_cooldown_s),
     .standard = "86400",
     .min = 0,
     .max = 31622400,
     .doc = "Seconds to the next advertisement, for a published AdShown that leaves it out."},
    {.name = "GATEWAY_AD_COUNT_AFTER",
     .type = SETTING_INT,
     .offset = AT(ad_count_after),
     .standard = "1",
     .min = 0,
     .max = 1000000,
     .doc = "Download counter after an advertisement, for a published AdShown that leaves it out."},
    {.name = "GATEWAY_MAX_IN_FLIGHT",
     .type = SETTING_INT,
     .offset = AT(max_in_flight),
     .standard = "4096",
     .min = 1,
     .max = 1000000,
     .doc = "Updates not yet answered and published events not yet acknowledged; more are answered "
            "503 or "
            "RESOURCE_EXHAUSTED at once, a request of more events INVALID_ARGUMENT."},
    {.name = "GATEWAY_MAX_IN_FLIGHT_BYTES",
     .type = SETTING_INT,
     .offset = AT(max_in_flight_bytes),
     .standard = "33554432",
     .min = 2097152,
     .max = 1 << 30,
     .doc = "Bytes of their bodies; the second bound of what is in flight."},
    {.name = "GATEWAY_KAFKA_BOOTSTRAP_SERVERS",
     .type = SETTING_TEXT,
     .offset = AT(kafka_bootstrap_servers),
     .doc = "Kafka brokers as host:port, comma separated. Needed by everything but the webhook "
            "command."},
    {.name = "GATEWAY_KAFKA_COMPRESSION_TYPE",
     .type = SETTING_CHOICE,
     .offset = AT(kafka_compression),
     .standard = "lz4",
     .choices = COMPRESSIONS,
     .doc = "How batches of records are compressed on their way and in the log."},
    {.name = "GATEWAY_KAFKA_LINGER_MS",
     .type = SETTING_INT,
     .offset = AT(kafka_linger_ms),
     .standard = "1",
     .min = 0,
     .max = 1000,
     .doc = "How long a record waits for others of its partition; every update waits for it too."},
    {.name = "GATEWAY_DELIVERY_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(delivery_timeout_ms),
     .standard = "15000",
     .min = 1000,
     .max = 50000,
     .doc = "Time for an update to become durable, waiting for an earlier one of its chat "
            "included; then the sender is told to try again. With GATEWAY_FORWARD_URL, together "
            "with GATEWAY_FORWARD_TIMEOUT_MS at most 55000: Telegram gives up after 60 s."},
    {.name = "GATEWAY_TOPIC_PREFIX",
     .type = SETTING_TEXT,
     .offset = AT(topic_prefix),
     .standard = "telefact",
     .doc = "The topics are <prefix>.events.v1 and <prefix>.raw.v1."},
    {.name = "GATEWAY_TOPIC_PARTITIONS",
     .type = SETTING_INT,
     .offset = AT(topic_partitions),
     .standard = "12",
     .min = 1,
     .max = POSITION_PARTITIONS_MAX,
     .doc = "Partitions of each topic; fixed for the topic's life, since another count moves chats "
            "between partitions."},
    {.name = "GATEWAY_TOPIC_CHECK_S",
     .type = SETTING_INT,
     .offset = AT(topic_check_s),
     .standard = "60",
     .min = 1,
     .max = 86400,
     .doc = "How often the topics are looked at while serving. When one is not as it must be (its "
            "partition count, say), nothing is taken until it is."},
    {.name = "GATEWAY_TOPIC_REPLICATION_FACTOR",
     .type = SETTING_INT,
     .offset = AT(topic_replication_factor),
     .standard = "3",
     .min = 1,
     .max = 32,
     .doc = "Replicas of a partition that `topics create` asks for; min.insync.replicas becomes "
            "one less, at least 1."},
    {.name = "GATEWAY_TOPIC_RAW_RETENTION_HOURS",
     .type = SETTING_INT,
     .offset = AT(raw_retention_hours),
     .standard = "168",
     .min = 1,
     .max = 87600,
     .doc = "How long `topics create` lets raw updates be kept."},
    {.name = "GATEWAY_ADMIN_LISTEN",
     .type = SETTING_TEXT,
     .offset = AT(admin_listen),
     .standard = "127.0.0.1:9100",
     .doc = "Where /livez, /readyz, /startupz and /metrics are served, as host:port."},
    {.name = "GATEWAY_LOG_LEVEL",
     .type = SETTING_CHOICE,
     .offset = AT(log_level),
     .standard = "info",
     .choices = LOG_LEVELS,
     .doc = "Least important lines that are logged."},
    {.name = "GATEWAY_LOG_FORMAT",
     .type = SETTING_CHOICE,
     .offset = AT(log_format),
     .standard = "logfmt",
     .choices = LOG_FORMATS,
     .doc = "Form of the log lines on standard error."},
};

static const struct settings_table TABLE = {
    .prefix = "GATEWAY_",
    .pass_prefix = "GATEWAY_KAFKA_",
    .pass_refused = REFUSED,
    .rows = ROWS,
    .count = sizeof(ROWS) / sizeof(ROWS[0]),
};

static bool load(char *const *environ_list, struct settings *out, struct settings_faults *faults,
                 struct err *err)
{
    return settings_load(&TABLE, environ_list, out, &out->kafka, faults->report, err);
}

bool gateway_settings_load(char *const *environ_list, struct settings *out, FILE *report,
                           struct err *err)
{
    struct settings_faults faults = {.report = report};
    if (!load(environ_list, out, &faults, err))
        return false;
    settings_check_all(out, &faults);
    return faults.count == 0 || err_set(err, ERR_REJECT, "%d settings are wrong", faults.count);
}

bool gateway_settings_load_topics(char *const *environ_list, struct settings *out, FILE *report,
                                  struct err *err)
{
    struct settings_faults faults = {.report = report};
    if (!load(environ_list, out, &faults, err))
        return false;
    settings_check_topics(out, &faults);
    return faults.count == 0 || err_set(err, ERR_REJECT, "%d settings are wrong", faults.count);
}

bool gateway_settings_load_bot(char *const *environ_list, struct settings *out, FILE *report,
                               struct err *err)
{
    struct settings_faults faults = {.report = report};
    if (!load(environ_list, out, &faults, err))
        return false;
    settings_check_bot(out, &faults);
    return faults.count == 0 || err_set(err, ERR_REJECT, "%d settings are wrong", faults.count);
}

bool gateway_polls(const struct settings *settings)
{
    return (settings->roles & ROLE_INGEST) != 0 && settings->mode == MODE_POLLING;
}

bool gateway_takes_webhook(const struct settings *settings)
{
    return (settings->roles & ROLE_INGEST) != 0 && settings->mode == MODE_WEBHOOK;
}

void gateway_settings_done(struct settings *settings)
{
    settings_done(&TABLE, settings, &settings->kafka);
}

void gateway_settings_show(const struct settings *settings, FILE *out)
{
    settings_show(&TABLE, settings, &settings->kafka, out);
}

void gateway_settings_print_reference(FILE *out)
{
    settings_print_reference(&TABLE, "Settings of telefact-gateway", out);
}

const char *gateway_compression(const struct settings *settings)
{
    return COMPRESSIONS[settings->kafka_compression];
}
