#include "services/store/kafka/conf.h"

#include "libs/kafka/conf.h"
#include "libs/kafka/produce.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What the operator may change. */
static const struct kafka_property CONNECTION[] = {
    {"client.id", "telefact-store"},      {"socket.timeout.ms", "10000"},
    {"socket.keepalive.enable", "true"},  {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"}, {"log.connection.close", "false"},
};

/* Likewise, of a consumer, */
static const struct kafka_property CONSUMING[] = {
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "3000"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    /* A fetched piece is held whole, and decompressed it is several times as large: small pieces
       keep memory small. A larger message still passes. */
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "1048576"},
    {"queued.max.messages.kbytes", "4096"},
    /* Eager: a partition is never handed over while its old owner still works on it. */
    {"partition.assignment.strategy", "roundrobin"},
};

/* and of a producer. */
static const struct kafka_property PRODUCING[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "20"}, /* commands write much, and nobody waits for a single record */
};

/* What the operator may not; these come last. */
static const struct kafka_property CONSUMER_FIXED[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset",
     "error"}, /* a place that the log does not hold is an alarm, never a jump */
    {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},
    {"enable.partition.eof", "false"},
    /* Above what the kilobyte bound ever lets in: past this count librdkafka 2.0 sleeps up to a
       second. */
    {"queued.min.messages", "10000000"},
};

static bool set_standard(rd_kafka_conf_t *conf, const struct kafka_property *role, size_t count,
                         struct err *err)
{
    return kafka_conf_set_all(conf, CONNECTION, COUNT_OF(CONNECTION), err) &&
           kafka_conf_set_all(conf, role, count, err);
}

bool consumer_conf(const struct consumer_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    if (!set_standard(conf, CONSUMING, COUNT_OF(CONSUMING), err) ||
        !kafka_conf_set_passed(conf, options->passed, err) ||
        !kafka_conf_set(conf, "bootstrap.servers", options->bootstrap_servers, err) ||
        !kafka_conf_set(conf, "group.id", options->group_id, err) ||
        !kafka_conf_set_all(conf, CONSUMER_FIXED, COUNT_OF(CONSUMER_FIXED), err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}

static const struct kafka_property PRODUCER_FIXED[] = {
    {"allow.auto.create.topics", "false"},
};

bool publisher_conf(const struct publisher_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    if (!set_standard(conf, PRODUCING, COUNT_OF(PRODUCING), err) ||
        !kafka_conf_set_passed(conf, options->passed, err) ||
        !kafka_conf_set(conf, "bootstrap.servers", options->bootstrap_servers, err) ||
        !kafka_conf_set_number(conf, "message.timeout.ms", options->delivery_timeout_ms, err) ||
        !kafka_conf_set_number(conf, "queue.buffering.max.kbytes", PUBLISHER_QUEUE_KBYTES, err) ||
        !kafka_conf_set_number(conf, "queue.buffering.max.messages", PUBLISHER_QUEUE_RECORDS,
                               err) ||
        !kafka_conf_set_all(conf, PRODUCER_FIXED, COUNT_OF(PRODUCER_FIXED), err) ||
        !produce_conf_set(conf, err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}
