/* app_dlq: `telefact-store dlq`, from the settings to the last line. */
#ifndef SERVICES_STORE_APP_DLQ_H
#define SERVICES_STORE_APP_DLQ_H

#include "services/store/dlq_options.h"
#include "services/store/settings.h"

/* What a retry needs beyond the database. ERR_REJECT. */
MUST_CHECK bool app_dlq_check(const struct store_settings *settings,
                              const struct dlq_options *options, struct err *err);

/* The answer goes to standard output. Returns the exit code. */
int app_dlq(const struct store_settings *settings, const struct dlq_options *options);

#endif
