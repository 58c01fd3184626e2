#include "services/gateway/kafka/conf.h"

#include "libs/kafka/conf.h"
#include "libs/kafka/produce.h"

/* An outage must end in an answer well before Telegram gives up, and be over for us a second after
 * it is over. */
static const struct kafka_property CONNECTION[] = {
    {"client.id", "telefact-gateway"},     {"socket.timeout.ms", "10000"},
    {"socket.keepalive.enable", "true"},   {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "50"},        {"reconnect.backoff.max.ms", "1000"},
    {"allow.auto.create.topics", "false"}, {"log.connection.close", "false"},
};

/* These come after the operator's, too. */
static const struct kafka_property BOUNDS[] = {
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "100000"},
    {"statistics.interval.ms", "1000"}, /* tells whether a broker is connected, too */
};

static bool set_connection(rd_kafka_conf_t *conf, const struct kafka_options *options,
                           struct err *err)
{
    return kafka_conf_set_all(conf, CONNECTION, sizeof(CONNECTION) / sizeof(*CONNECTION), err) &&
           kafka_conf_set(conf, "bootstrap.servers", options->bootstrap_servers, err) &&
           kafka_conf_set_passed(conf, options->passed, err);
}

bool kafka_conf_producer(const struct kafka_options *options, rd_kafka_conf_t **out,
                         struct err *err)
{
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    if (!set_connection(conf, options, err) || !produce_conf_set(conf, err) ||
        !kafka_conf_set_all(conf, BOUNDS, sizeof(BOUNDS) / sizeof(*BOUNDS), err) ||
        !kafka_conf_set(conf, "compression.codec", options->compression, err) ||
        !kafka_conf_set_number(conf, "linger.ms", options->linger_ms, err) ||
        !kafka_conf_set_number(conf, "message.timeout.ms", options->delivery_timeout_ms, err))
        return false;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    *out = conf;
    conf = NULL;
    return true;
}

bool kafka_conf_admin(const struct kafka_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    if (!set_connection(conf, options, err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}
