/*
 * conf: build a configuration of librdkafka: names with values, and its log in ours.
 *
 * Whatever is set later wins. No failure tells a value, which may be a password. One thread at a
 * time.
 */
#ifndef LIBS_KAFKA_CONF_H
#define LIBS_KAFKA_CONF_H

#include "libs/base/cleanup.h"
#include "libs/base/err.h"
#include "libs/base/settings.h"

#include <librdkafka/rdkafka.h>

struct kafka_property {
    const char *name;
    const char *value;
};

/* What librdkafka logs goes to our log. The caller owns it until rd_kafka_new has taken it. */
rd_kafka_conf_t *kafka_conf_new(void);
void kafka_conf_free(rd_kafka_conf_t *conf); /* NULL is fine */

DEFINE_AUTO(kafka_conf, rd_kafka_conf_t *, kafka_conf_free)

/* All of these: ERR_FATAL names the property that librdkafka refuses. */
MUST_CHECK bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                               struct err *err);
MUST_CHECK bool kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                      struct err *err);
MUST_CHECK bool kafka_conf_set_all(rd_kafka_conf_t *conf, const struct kafka_property *properties,
                                   size_t count, struct err *err);

/* What the operator passes through. */
MUST_CHECK bool kafka_conf_set_passed(rd_kafka_conf_t *conf, const struct settings_pairs *passed,
                                      struct err *err);

#endif
