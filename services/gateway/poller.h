/*
 * poller: long polling. Asks Telegram for updates, hands them in, and confirms only what is
 * durable.
 *
 * The offset of the next getUpdates, which makes Telegram forget what is below, moves over the
 * acknowledged updates at the beginning of a list and no further: the rest comes again. So nothing
 * is lost whoever dies when, and any number of pollers is safe; that only the one with the lease
 * asks, saves them from being refused in turn. An update that makes no event, or cannot be read, is
 * acknowledged like any other.
 *
 * While a webhook is set nothing is asked and the process is not ready: Telegram gives updates to
 * one receiver. The poller never deletes a webhook and never drops what waits.
 *
 * A state machine without clock or network; one thread. The host calls poller_step when
 * `poller_next_ms` has come and after everything else that it was told of.
 */
#ifndef SERVICES_GATEWAY_POLLER_H
#define SERVICES_GATEWAY_POLLER_H

#include "services/gateway/bot_ports.h"
#include "services/gateway/ports.h"

struct poller;

struct poller_options {
    int64_t poll_s; /* how long Telegram may hold an answer back until there is an update */
};

/* The ports are copied. */
struct poller *poller_new(const struct poller_options *options, const struct bot_line *bot,
                          const struct update_intake *intake);
void poller_free(struct poller *poller); /* no update is in hand; NULL is fine */

/* The lease came or went. */
void poller_lead(struct poller *poller, bool is_leader);

/* Ask no more, for good; updates in hand go on. */
void poller_stop(struct poller *poller);

/* Do what is due. */
void poller_step(struct poller *poller, int64_t now_ms);

/* When to step next at the latest; INT64_MAX: when something happens. */
int64_t poller_next_ms(const struct poller *poller);

bool poller_is_idle(const struct poller *poller); /* no call and no update is in hand */

/* ERR_RETRY: it should get updates and cannot; the text says why and what to do. */
MUST_CHECK bool poller_check(const struct poller *poller, struct err *err);

void poller_add_metrics(void); /* once at start */

#endif
