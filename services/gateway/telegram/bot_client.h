/*
 * bot_client: calls of the Bot API on the loop, one at a time.
 *
 * The address, which holds the token, is built here and shown nowhere. No redirect is followed, no
 * proxy of the environment is used, TLS is verified; answers are bounded in size and time. Runs on
 * the loop's thread.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_BOT_CLIENT_H
#define SERVICES_GATEWAY_TELEGRAM_BOT_CLIENT_H

#include "libs/loop/loop.h"
#include "services/gateway/bot_ports.h"

struct bot_client;

struct bot_client_target {
    const char *base_url; /* such as "https://api.telegram.org" */
    const char *token;
};

/* Once, before threads start. */
void bot_client_add_metrics(void);

/* ERR_FATAL: libcurl cannot be used. */
MUST_CHECK bool bot_client_open(struct loop *loop, const struct bot_client_target *target,
                                struct bot_client **out, struct err *err);
void bot_client_free(struct bot_client *client); /* cancels a call; NULL is fine */

struct bot_line bot_client_line(struct bot_client *client);

#endif
