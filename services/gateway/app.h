/*
 * app: the running gateway, from the first look at Kafka to the last answer.
 *
 * It wires the adapters to the core and knows three states: starting (only the admin listener is
 * there, Kafka's topics are being checked), serving, draining (nothing new is taken, what is in
 * hand is finished).
 */
#ifndef SERVICES_GATEWAY_APP_H
#define SERVICES_GATEWAY_APP_H

#include "services/gateway/settings.h"

/* Serve until SIGTERM. Returns the exit code. */
int app_run(const struct settings *settings);

#endif
