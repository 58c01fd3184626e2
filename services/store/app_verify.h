/* app_verify: `telefact-store verify`, from the settings to the report. */
#ifndef SERVICES_STORE_APP_VERIFY_H
#define SERVICES_STORE_APP_VERIFY_H

#include "services/store/settings.h"
#include "services/store/verify_options.h"

/* The report goes to standard output. Returns the exit code. */
int app_verify(const struct store_settings *settings, const struct verify_options *options);

#endif
