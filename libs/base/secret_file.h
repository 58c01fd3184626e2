/* secret_file: a secret that stands in a file of its own instead of in an environment or in
 * arguments. */
#ifndef LIBS_BASE_SECRET_FILE_H
#define LIBS_BASE_SECRET_FILE_H

#include "libs/base/err.h"

#define SECRET_FILE_BYTES_MAX 65536

/* The file's text without its last line break; the caller frees it. ERR_REJECT: it cannot be
 * opened, is empty, too long or no text; the error tells the path and nothing of the content. */
MUST_CHECK bool secret_file_load(const char *path, char **out, struct err *err);

#endif
