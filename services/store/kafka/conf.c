#include "services/store/kafka/conf.h"

#include "libs/base/cleanup.h"
#include "libs/base/log.h"

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

/* What the operator may change. */
static const struct property STANDARD[] = {
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
static const struct property FIXED[] = {
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

const char *const CONSUMER_REFUSED[] = {"acks",
                                        "allow.auto.create.topics",
                                        "auto.offset.reset",
                                        "check.crcs",
                                        "enable.auto.commit",
                                        "enable.auto.offset.store",
                                        "enable.idempotence",
                                        "enable.partition.eof",
                                        "group.id",
                                        "group.protocol",
                                        "isolation.level",
                                        "partition.assignment.strategy",
                                        "partitioner",
                                        "queued.min.messages",
                                        NULL};

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    /* librdkafka's text may quote the value, which may be a password. */
    return err_set(err, ERR_FATAL, "librdkafka refuses property %s or its value", name);
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

bool consumer_conf(const struct consumer_options *options, rd_kafka_conf_t **out, struct err *err)
{
    AUTO(conf) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (!set_all(conf, STANDARD, sizeof(STANDARD) / sizeof(*STANDARD), err))
        return false;
    for (size_t i = 0; i < options->passed->count; i++)
        if (!set(conf, options->passed->items[i].key, options->passed->items[i].value, err))
            return false;
    if (!set(conf, "bootstrap.servers", options->bootstrap_servers, err) ||
        !set(conf, "group.id", options->group_id, err) ||
        !set_all(conf, FIXED, sizeof(FIXED) / sizeof(*FIXED), err))
        return false;
    *out = conf;
    conf = NULL;
    return true;
}
