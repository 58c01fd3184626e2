/* app_options: what the settings mean to the adapters. The texts are borrowed from them. */
#ifndef SERVICES_GATEWAY_APP_OPTIONS_H
#define SERVICES_GATEWAY_APP_OPTIONS_H

#include "services/gateway/kafka/options.h"
#include "services/gateway/rpc/publish_service.h"
#include "services/gateway/settings.h"

#define APP_NAME "telefact-gateway"
#define APP_PRODUCER APP_NAME "/" TELEFACT_VERSION /* of events */

struct kafka_options app_kafka_options(const struct settings *settings);
struct publish_service_options app_publish_options(const struct settings *settings);

#endif
