/*
 * bot_call: one call of a Bot API method, waited for; for the command line.
 *
 * Fields go as multipart/form-data, as a certificate must. No redirect is followed, no proxy of the
 * environment is used, TLS is verified; the address, which holds the token, is never shown.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_BOT_CALL_H
#define SERVICES_GATEWAY_TELEGRAM_BOT_CALL_H

#include "services/gateway/bot_ports.h"

#include <stdint.h>

struct bot_call_target {
    const char *base_url; /* such as "https://api.telegram.org" */
    const char *token;
    int64_t timeout_ms;
};

/* The method's address; it holds the token, so it is shown nowhere. The caller frees it. */
char *bot_call_url(const struct bot_call_target *target, const char *method);

/* As a port; `target` is borrowed for as long as it is used. */
struct bot_port bot_call_port(struct bot_call_target *target);

#endif
