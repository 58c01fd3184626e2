/*
 * webhook: the listener that Telegram posts updates to.
 *
 * Who does not know the secret is refused before the body is read. An accepted update is answered
 * 200 with an empty body and `telefact-position` only when it is durable (and, with forwarding, as
 * the operator's bot answered), and 503 with Retry-After otherwise: never 4xx or 5xx because of
 * what it holds. Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_WEBHOOK_H
#define SERVICES_GATEWAY_TELEGRAM_WEBHOOK_H

#include "libs/loop/loop.h"
#include "services/gateway/ports.h"

struct webhook;

struct webhook_options {
    const char *listen; /* borrowed, as all texts here */
    const char *path;
    const char *secret;
    const char *secret_previous; /* "": none */
    int max_connections;
    size_t body_max;
    int64_t request_deadline_ms;
    int64_t idle_ms;
    const char *forward_url; /* "": no forwarding */
    int64_t forward_timeout_ms;
};

/* `intake` is borrowed. ERR_FATAL: the address or the URL cannot be used. */
MUST_CHECK bool webhook_open(struct loop *loop, const struct webhook_options *options,
                             const struct update_intake *intake, struct webhook **out,
                             struct err *err);

/* Accept no more; finish what is in hand. */
void webhook_drain(struct webhook *webhook);

/* True: no connection and no request is left. */
bool webhook_is_idle(const struct webhook *webhook);
void webhook_free(struct webhook *webhook); /* nothing is in hand; NULL is fine */

int webhook_port(const struct webhook *webhook);

/* Bring the gauges up to date; about once a second. */
void webhook_update_metrics(const struct webhook *webhook);
void webhook_add_metrics(void); /* once at start */

#endif
