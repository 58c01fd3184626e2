/*
 * app: the running gateway, from the first look at Kafka to the last answer.
 *
 * It wires the adapters to the core and knows three states: starting (only the admin listener is
 * there, Kafka's topics are being checked), serving, draining (nothing new is taken, what is in
 * hand is finished).
 */
#ifndef SERVICES_GATEWAY_APP_H
#define SERVICES_GATEWAY_APP_H

#include "services/gateway/kafka/options.h"
#include "services/gateway/rpc/publish_service.h"
#include "services/gateway/settings.h"

#define APP_NAME "telefact-gateway"

/* Serve until SIGTERM. Returns the exit code. */
int app_run(const struct settings *settings);

/* What the settings mean to the adapters; the texts are borrowed from them. */
struct kafka_options app_kafka_options(const struct settings *settings);
struct publish_service_options app_publish_options(const struct settings *settings);

#endif
