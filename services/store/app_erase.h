/* app_erase: the command `telefact-store erase`. */
#ifndef SERVICES_STORE_APP_ERASE_H
#define SERVICES_STORE_APP_ERASE_H

#include "services/store/erase_options.h"
#include "services/store/settings.h"

/* What the adapters can tell about the settings. ERR_REJECT, ERR_FATAL: a setting is wrong. */
MUST_CHECK bool app_erase_check(const struct store_settings *settings, struct err *err);

/* Do it and say on `out` what was done. Any failure: ERR_RETRY or ERR_FATAL; it may be run again.
 */
MUST_CHECK bool app_erase(const struct store_settings *settings,
                          const struct erase_options *options, FILE *out, struct err *err);

#endif
