#include "services/store/kafka/conf.h"

#include "libs/kafka/conf.h"

/* What the operator may change. */
static const struct kafka_property STANDARD[] = {
    {"client.id", "telefact-store"},
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "3000"},
    {"socket.timeout.ms", "10000"},
    {"socket.keepalive.enable", "true"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    /* A fetched piece is held whole, and decompressed it is several times as large: small pieces
       keep memory small. A larger message still passes. */
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "1048576"},
    {"queued.max.messages.kbytes", "4096"},
    {"log.connection.close", "false"},
    /* Eager: a partition is never handed over while its old owner still works on it. */
    {"partition.assignment.strategy", "roundrobin"},
};

/* What it may not; these come last. */
static const struct kafka_property FIXED[] = {
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

bool consumer_conf(const struct consumer_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    if (!kafka_conf_set_all(conf, STANDARD, sizeof(STANDARD) / sizeof(*STANDARD), err) ||
        !kafka_conf_set_passed(conf, options->passed, err) ||
        !kafka_conf_set(conf, "bootstrap.servers", options->bootstrap_servers, err) ||
        !kafka_conf_set(conf, "group.id", options->group_id, err) ||
        !kafka_conf_set_all(conf, FIXED, sizeof(FIXED) / sizeof(*FIXED), err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}
