/*
 * settings: the environment variables of telefact-store, from one table (docs/settings.md is
 * printed from it).
 *
 * Read once at start; constant afterwards, so any thread may read them.
 */
#ifndef SERVICES_STORE_SETTINGS_H
#define SERVICES_STORE_SETTINGS_H

#include "libs/base/settings.h"

enum store_role { STORE_ROLE_INGEST = 1 << 0, STORE_ROLE_RPC = 1 << 1 };

struct store_settings {
    int64_t bot_id;
    uint32_t roles; /* bits of enum store_role */
    char *database_url;
    bool migrate_on_start;

    char *kafka_bootstrap_servers;
    char *kafka_group_id;
    char *topic_prefix;
    int64_t topic_partitions; /* 0: as many as there are */

    int64_t batch_max_events;
    int64_t batch_max_bytes;
    int64_t batch_linger_ms;
    int64_t dead_letters_per_1000;
    int64_t dead_letter_days;
    int64_t position_check_ms;

    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    int64_t lock_timeout_ms;
    int64_t zombie_after_ms;

    char *rpc_listen;
    char *rpc_tokens_file;
    char *rpc_admin_tokens_file;
    bool rpc_allow_public;
    int64_t rpc_pool_min;
    int64_t rpc_pool_max;
    int64_t ad_threshold;
    int ad_mode; /* enum ad_mode of query.h */

    char *admin_listen;
    char *page_tokens_file;
    char *page_proxy_header; /* "": none */
    int log_level;           /* enum log_level */
    int log_format;          /* enum log_format */
    int64_t drain_timeout_ms;

    struct settings_pairs kafka; /* librdkafka's properties passed through */
};

/* ERR_REJECT: faults, each one line on `report`. The caller ends *out with store_settings_done,
 * also on failure. */
MUST_CHECK bool store_settings_load(char *const *environ_list, FILE *report,
                                    struct store_settings *out, struct err *err);
/* The same for a command that needs the database alone. */
MUST_CHECK bool store_settings_load_database(char *const *environ_list, FILE *report,
                                             struct store_settings *out, struct err *err);
void store_settings_done(struct store_settings *settings); /* a zeroed struct is fine */

void store_settings_show(const struct store_settings *settings, FILE *out);
void store_settings_print_reference(FILE *out);

#endif
