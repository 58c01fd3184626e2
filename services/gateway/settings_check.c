#include "services/gateway/settings_check.h"

#include "libs/base/bytes.h"

#include <string.h>

#define ANSWER_MS_MAX 55000 /* Telegram waits 60 s, and the request has to arrive */
#define SECRET_LEN_MAX 256  /* Telegram refuses longer ones */

static void add_fault(struct settings_faults *faults, const char *line)
{
    (void)fputs(line, faults->report);
    faults->count++;
}

static bool is_secret(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return len <= SECRET_LEN_MAX && text[len] == '\0';
}

/* The number before the token's colon must be a bot id; nothing of the token is shown. */
static void check_bot(struct settings *settings, struct settings_faults *faults)
{
    const char *token = settings->bot_token;
    if (token[0] == '\0') {
        if (settings->bot_id == 0)
            add_fault(faults, "GATEWAY_BOT_TOKEN: missing; set it, or GATEWAY_BOT_ID when the "
                              "token is kept from this process\n");
        return;
    }
    int64_t id = 0;
    const char *colon = strchr(token, ':');
    if (colon == NULL || colon[1] == '\0' ||
        !bytes_get_int64((struct bytes){token, (size_t)(colon - token)}, &id) || id <= 0)
        add_fault(faults, "GATEWAY_BOT_TOKEN: not of the form <number>:<text>; copy it again\n");
    else if (settings->bot_id != 0 && settings->bot_id != id)
        add_fault(faults, "GATEWAY_BOT_ID: is not the bot of GATEWAY_BOT_TOKEN; remove one\n");
    else
        settings->bot_id = id;
}

static void check_secrets(const struct settings *settings, struct settings_faults *faults)
{
    if (!is_secret(settings->webhook_secret))
        add_fault(faults, "GATEWAY_WEBHOOK_SECRET: only 1 to 256 of A-Z a-z 0-9 _ - are allowed\n");
    if (!is_secret(settings->webhook_secret_previous))
        add_fault(faults, "GATEWAY_WEBHOOK_SECRET_PREVIOUS: only 1 to 256 of A-Z a-z 0-9 _ - are "
                          "allowed\n");
}

static void check_webhook(const struct settings *settings, struct settings_faults *faults)
{
    if (settings->webhook_secret[0] == '\0')
        add_fault(faults, "GATEWAY_WEBHOOK_SECRET: missing; the webhook listens publicly and "
                          "needs one\n");
    check_secrets(settings, faults);
    if (settings->webhook_path[0] != '/' || strpbrk(settings->webhook_path, " ?#") != NULL)
        add_fault(faults, "GATEWAY_WEBHOOK_PATH: must start with / and hold no blank, ? or #\n");
    if (strchr(settings->webhook_path, ':') != NULL)
        add_fault(faults, "GATEWAY_WEBHOOK_PATH: holds a colon, as a bot token does; paths are "
                          "logged by proxies, use a random text\n");
    if (settings->forward_url[0] != '\0' &&
        strncmp(settings->forward_url, "http://", strlen("http://")) != 0 &&
        strncmp(settings->forward_url, "https://", strlen("https://")) != 0)
        add_fault(faults, "GATEWAY_FORWARD_URL: must start with http:// or https://\n");
    if (settings->forward_url[0] != '\0' &&
        settings->delivery_timeout_ms + settings->forward_timeout_ms > ANSWER_MS_MAX)
        add_fault(faults, "GATEWAY_DELIVERY_TIMEOUT_MS: with GATEWAY_FORWARD_TIMEOUT_MS more than "
                          "55000, and Telegram gives up after 60 s; lower one of them\n");
}

static void check_api(const struct settings *settings, struct settings_faults *faults)
{
    if (strncmp(settings->api_base_url, "https://", strlen("https://")) != 0 &&
        strncmp(settings->api_base_url, "http://", strlen("http://")) != 0)
        add_fault(faults, "GATEWAY_API_BASE_URL: must start with https:// (http:// for a server of "
                          "your own)\n");
}

void settings_check_topics(const struct settings *settings, struct settings_faults *faults)
{
    if (settings->kafka_bootstrap_servers[0] == '\0')
        add_fault(faults, "GATEWAY_KAFKA_BOOTSTRAP_SERVERS: missing; set the brokers as "
                          "host:port, comma separated\n");
    size_t len = strspn(settings->topic_prefix,
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    if (len == 0 || len > 200 || settings->topic_prefix[len] != '\0')
        add_fault(faults, "GATEWAY_TOPIC_PREFIX: 1 to 200 of A-Z a-z 0-9 . _ - are allowed\n");
}

void settings_check_all(struct settings *settings, struct settings_faults *faults)
{
    settings_check_topics(settings, faults);
    check_api(settings, faults);
    check_bot(settings, faults);
    if (gateway_polls(settings) && settings->bot_token[0] == '\0')
        add_fault(faults, "GATEWAY_BOT_TOKEN: missing; Telegram is asked for updates with it\n");
    if (gateway_polls(settings) && settings->forward_url[0] != '\0')
        add_fault(faults, "GATEWAY_FORWARD_URL: only in mode webhook; a polling bot asks Telegram "
                          "itself, and two cannot\n");
    if ((settings->roles & ROLE_WORKER) != 0)
        add_fault(faults, "GATEWAY_ROLES: worker is not built yet; use ingest and publish\n");
    if (gateway_takes_webhook(settings))
        check_webhook(settings, faults);
}

void settings_check_bot(struct settings *settings, struct settings_faults *faults)
{
    check_api(settings, faults);
    check_bot(settings, faults);
    check_secrets(settings, faults);
    if (settings->bot_token[0] == '\0' && settings->bot_id != 0)
        add_fault(faults, "GATEWAY_BOT_TOKEN: missing; Telegram is asked with it\n");
}
