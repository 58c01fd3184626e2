/*
 * app_polling: what a gateway asks the Bot API for: the updates, in mode polling, or how the
 * webhook fares, in mode webhook with a token. Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_APP_POLLING_H
#define SERVICES_GATEWAY_APP_POLLING_H

#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"
#include "services/gateway/kafka/producer.h"
#include "services/gateway/ports.h"
#include "services/gateway/settings.h"

struct polling;

struct polling_host { /* all is borrowed */
    struct loop *loop;
    struct background *background;
    const struct kafka_options *kafka;
    const struct producer *producer; /* whoever takes changed certificates up, the lease follows */
    const struct settings *settings;
    const struct update_intake *intake;
};

/* *out is NULL when these settings ask for neither. ERR_FATAL. */
MUST_CHECK bool polling_open(const struct polling_host *host, struct polling **out,
                             struct err *err);

/* Give the lease away, ask no more; updates in hand are finished. NULL is fine, as below. */
void polling_drain(struct polling *polling);
bool polling_is_idle(const struct polling *polling);
MUST_CHECK bool polling_check(const struct polling *polling, struct err *err);
void polling_free(struct polling *polling); /* it is idle */

void polling_add_metrics(const struct settings *settings); /* once at start */

#endif
