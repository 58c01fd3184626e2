/*
 * webhook_command: manage the webhook at Telegram from the command line.
 *
 * Waiting updates are never dropped; the token and the secrets are never shown.
 */
#ifndef SERVICES_GATEWAY_WEBHOOK_COMMAND_H
#define SERVICES_GATEWAY_WEBHOOK_COMMAND_H

#include "services/gateway/bot_ports.h"
#include "services/gateway/webhook_options.h"

struct webhook_secrets {
    const char *present; /* GATEWAY_WEBHOOK_SECRET; may be empty */
    const char *previous;
};

/* What set and rotate-secret need of the secrets. ERR_REJECT: a setting is wrong. */
MUST_CHECK bool webhook_command_check(const struct webhook_options *options,
                                      const struct webhook_secrets *secrets, struct err *err);

/* Do it and say on `out` what was done. ERR_RETRY: Telegram could not be asked; ERR_REJECT: it
 * refused, or what is asked for is impossible. */
MUST_CHECK bool webhook_command_run(const struct bot_port *bot,
                                    const struct webhook_options *options,
                                    const struct webhook_secrets *secrets, FILE *out,
                                    struct err *err);

#endif
