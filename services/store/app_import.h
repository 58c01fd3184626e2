/* app_import: `telefact-store import`: another bot's rows into the log. */
#ifndef SERVICES_STORE_APP_IMPORT_H
#define SERVICES_STORE_APP_IMPORT_H

#include "services/store/import_options.h"
#include "services/store/settings.h"

/* The old database's connection string as libpq takes it; the caller frees it. ERR_REJECT,
 * ERR_FATAL: an option or setting is wrong; the error tells nothing of the string. */
MUST_CHECK bool app_import_check(const struct store_settings *settings,
                                 const struct import_options *options, char **out_conninfo,
                                 struct err *err);

/* Import, and tell on `out` how it goes. *out_is_whole: no row was left out. */
MUST_CHECK bool app_import_run(const struct store_settings *settings,
                               const struct import_options *options, const char *conninfo,
                               bool *out_is_whole, struct err *err);

#endif
