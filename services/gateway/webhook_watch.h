/*
 * webhook_watch: looks every now and then at what Telegram says of the webhook.
 *
 * How many updates wait, when Telegram last failed to deliver one, and whether the address is still
 * ours become metrics, and a change a log line. A state machine without clock or network; one
 * thread.
 */
#ifndef SERVICES_GATEWAY_WEBHOOK_WATCH_H
#define SERVICES_GATEWAY_WEBHOOK_WATCH_H

#include "services/gateway/bot_ports.h"

struct webhook_watch;

/* `url`: what the webhook must be; "": any, but one must be set. `bot` is copied. */
struct webhook_watch *webhook_watch_new(const char *url, int64_t period_ms,
                                        const struct bot_line *bot);
void webhook_watch_free(struct webhook_watch *watch); /* NULL is fine */

/* Look, if it is time; a few times a second. */
void webhook_watch_step(struct webhook_watch *watch, int64_t now_ms);

/* Look no more. */
void webhook_watch_stop(struct webhook_watch *watch);

void webhook_watch_add_metrics(void); /* once at start */

#endif
