#include "services/gateway/app_options.h"

struct kafka_options app_kafka_options(const struct settings *settings)
{
    return (struct kafka_options){
        .bootstrap_servers = settings->kafka_bootstrap_servers,
        .compression = gateway_compression(settings),
        .linger_ms = settings->kafka_linger_ms,
        .delivery_timeout_ms = settings->delivery_timeout_ms,
        .high_mark = (size_t)settings->max_in_flight - (size_t)settings->max_in_flight / 4,
        .topic_prefix = settings->topic_prefix,
        .partitions = (int32_t)settings->topic_partitions,
        .has_lease = gateway_polls(settings),
        .passed = &settings->kafka,
    };
}

struct publish_service_options app_publish_options(const struct settings *settings)
{
    return (struct publish_service_options){
        .listen = settings->rpc_listen,
        .tokens_file = settings->rpc_tokens_file,
        .allow_public = settings->rpc_allow_public,
        .max_in_flight = settings->max_in_flight,
        .bot_id = settings->bot_id,
        .producer = APP_PRODUCER,
        .ad_cooldown_s = settings->ad_cooldown_s,
        .ad_count_after = (int32_t)settings->ad_count_after,
    };
}
