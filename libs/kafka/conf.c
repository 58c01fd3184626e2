#include "libs/kafka/conf.h"

#include "libs/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

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

rd_kafka_conf_t *kafka_conf_new(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    return conf;
}

void kafka_conf_free(rd_kafka_conf_t *conf)
{
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
}

bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    /* librdkafka's text may quote the value, which may be a password. */
    return err_set(err, ERR_FATAL, "librdkafka refuses property %s or its value", name);
}

bool kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct err *err)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return kafka_conf_set(conf, name, text, err);
}

bool kafka_conf_set_all(rd_kafka_conf_t *conf, const struct kafka_property *properties,
                        size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!kafka_conf_set(conf, properties[i].name, properties[i].value, err))
            return false;
    return true;
}

bool kafka_conf_set_passed(rd_kafka_conf_t *conf, const struct settings_pairs *passed,
                           struct err *err)
{
    for (size_t i = 0; i < passed->count; i++)
        if (!kafka_conf_set(conf, passed->items[i].key, passed->items[i].value, err))
            return false;
    return true;
}
