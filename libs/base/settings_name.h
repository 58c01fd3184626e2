/* settings_name: what the name of an environment variable says. Pure. */
#ifndef LIBS_BASE_SETTINGS_NAME_H
#define LIBS_BASE_SETTINGS_NAME_H

#include "libs/base/settings.h"

#define SETTING_FILE_SUFFIX "_FILE"

/* The row of this name or alias, or NULL. */
const struct setting *settings_name_row(const struct settings_table *table, struct bytes name);

/* The row whose file this names (<NAME>_FILE of a secret), or NULL. */
const struct setting *settings_name_file_row(const struct settings_table *table, struct bytes name);

/* The table's name that was probably meant, or NULL. */
const char *settings_name_nearest(const struct settings_table *table, struct bytes name);

/* Kubernetes sets variables like these in every pod for each Service of the namespace. */
bool settings_name_is_service_link(struct bytes name, const char *value);

/* Only A-Z 0-9 _: another spelling of a property would stand beside the right one. */
bool settings_name_is_plain(struct bytes name);

/* "QUEUED_MIN_MESSAGES" -> "queued.min.messages"; the caller frees it. */
char *settings_name_property(struct bytes name);

/* The property holds something that must not be shown. */
bool settings_name_is_secret_property(const char *key);

bool settings_name_has_prefix(struct bytes name, const char *prefix);
bool settings_name_has_suffix(struct bytes name, const char *suffix);

#endif
