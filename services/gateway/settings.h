/* settings: the gateway's environment variables. One table; docs/settings.md is printed from it. */
#ifndef SERVICES_GATEWAY_SETTINGS_H
#define SERVICES_GATEWAY_SETTINGS_H

#include "libs/base/settings.h"

enum gateway_mode { MODE_WEBHOOK, MODE_POLLING, MODE_NONE };
enum gateway_role { ROLE_INGEST = 1, ROLE_PUBLISH = 2, ROLE_WORKER = 4 }; /* bits */

struct settings {
    char *bot_token;
    int64_t bot_id; /* from the token, or as given */
    char *api_base_url;
    int mode;
    uint32_t roles;

    int64_t poll_timeout_s;

    char *webhook_url;
    int64_t webhook_check_s;
    char *webhook_listen;
    char *webhook_path;
    char *webhook_secret;
    char *webhook_secret_previous;
    int64_t max_connections;
    int64_t max_body_bytes;
    int64_t request_deadline_ms;
    int64_t idle_ms;
    char *forward_url;
    int64_t forward_timeout_ms;

    char *rpc_listen;
    char *rpc_tokens_file;
    bool rpc_allow_public;
    int64_t ad_cooldown_s;
    int64_t ad_count_after;

    int64_t max_in_flight;
    int64_t max_in_flight_bytes;

    char *kafka_bootstrap_servers;
    int kafka_compression;
    int64_t kafka_linger_ms;
    int64_t delivery_timeout_ms;
    char *topic_prefix;
    int64_t topic_partitions;
    int64_t topic_check_s;
    int64_t topic_replication_factor;
    int64_t raw_retention_hours;

    char *admin_listen;
    int log_level;
    int log_format;

    struct settings_pairs kafka; /* librdkafka's properties that are passed through */
};

/* Read the environment. ERR_REJECT: something is wrong; every fault is a line on `report`. */
MUST_CHECK bool gateway_settings_load(char *const *environ_list, struct settings *out, FILE *report,
                                      struct err *err);
void gateway_settings_done(struct settings *settings);

bool gateway_takes_webhook(const struct settings *settings);
bool gateway_polls(const struct settings *settings);
const char *gateway_compression(const struct settings *settings); /* librdkafka's name */

/* As settings_show and settings_print_reference do. */
void gateway_settings_show(const struct settings *settings, FILE *out);
void gateway_settings_print_reference(FILE *out);

/* What the topics command needs, which works without bot, mode and secrets. */
MUST_CHECK bool gateway_settings_load_topics(char *const *environ_list, struct settings *out,
                                             FILE *report, struct err *err);

/* What the webhook command needs: the bot's token, and secrets of the right form if any. */
MUST_CHECK bool gateway_settings_load_bot(char *const *environ_list, struct settings *out,
                                          FILE *report, struct err *err);

#endif
