#include "services/gateway/kafka/conf.h"

#include "libs/base/cleanup.h"
#include "libs/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

static void destroy_conf(rd_kafka_conf_t *conf)
{
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
}

DEFINE_AUTO(conf, rd_kafka_conf_t *, destroy_conf)

struct property {
    const char *name;
    const char *value;
};

/* An outage must end in an answer well before Telegram gives up, and be over for us a second after
 * it is over. */
static const struct property CONNECTION[] = {
    {"client.id", "telefact-gateway"},     {"socket.timeout.ms", "10000"},
    {"socket.keepalive.enable", "true"},   {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "50"},        {"reconnect.backoff.max.ms", "1000"},
    {"allow.auto.create.topics", "false"}, {"log.connection.close", "false"},
};

/* These come after the operator's, so nothing can loosen them. */
static const struct property DURABILITY[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"}, /* as Java's clients, so that other tools agree */
    {"message.max.bytes", "2097152"},
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "100000"},
    {"statistics.interval.ms", "1000"}, /* tells whether a broker is connected */
};

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    /* librdkafka's text may quote the value, which may be a password. */
    return err_set(err, ERR_FATAL, "librdkafka refuses property %s or its value", name);
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct err *err)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return set(conf, name, text, err);
}

static bool set_all(rd_kafka_conf_t *conf, const struct property *properties, size_t count,
                    struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!set(conf, properties[i].name, properties[i].value, err))
            return false;
    return true;
}

/* Called on librdkafka's threads. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    if (level <= LOG_CRIT)
        log_error("librdkafka", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
    else if (level <= LOG_NOTICE)
        log_warn("librdkafka", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
    else
        log_debug("librdkafka", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

static bool set_connection(rd_kafka_conf_t *conf, const struct kafka_options *options,
                           struct err *err)
{
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (!set_all(conf, CONNECTION, sizeof(CONNECTION) / sizeof(*CONNECTION), err) ||
        !set(conf, "bootstrap.servers", options->bootstrap_servers, err))
        return false;
    for (size_t i = 0; i < options->passed->count; i++) {
        const struct setting_pair *pair = &options->passed->items[i];
        if (!set(conf, pair->key, pair->value, err))
            return false;
    }
    return true;
}

bool kafka_conf_producer(const struct kafka_options *options, rd_kafka_conf_t **out,
                         struct err *err)
{
    AUTO(conf) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_connection(conf, options, err) ||
        !set_all(conf, DURABILITY, sizeof(DURABILITY) / sizeof(*DURABILITY), err) ||
        !set(conf, "compression.codec", options->compression, err) ||
        !set_number(conf, "linger.ms", options->linger_ms, err) ||
        !set_number(conf, "message.timeout.ms", options->delivery_timeout_ms, err))
        return false;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    *out = conf;
    conf = NULL;
    return true;
}

bool kafka_conf_admin(const struct kafka_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(conf) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_connection(conf, options, err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}
