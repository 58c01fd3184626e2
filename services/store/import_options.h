/* import_options: the words and options after `telefact-store import`. */
#ifndef SERVICES_STORE_IMPORT_OPTIONS_H
#define SERVICES_STORE_IMPORT_OPTIONS_H

#include "libs/base/err.h"

#include <stdio.h>

#define IMPORT_SOURCE_STANDARD "tt"
#define IMPORT_SOURCE_MAX 64 /* bytes */
#define IMPORT_SCHEMA_STANDARD "public"
#define IMPORT_SCHEMA_MAX 63 /* bytes of a name, as PostgreSQL has it */

/* Texts are borrowed from argv. */
struct import_options {
    bool is_help;
    const char *from;      /* the old database's connection string, or NULL: */
    const char *from_file; /* the file that holds it */
    const char *source;
    const char *schema;
    bool is_dry_run;
    bool is_json;
};

/* argv[0] is "import". ERR_REJECT: wrong usage. No error tells the connection string. */
MUST_CHECK bool import_options_parse(int argc, char **argv, struct import_options *out,
                                     struct err *err);

void import_options_print_usage(FILE *out);

#endif
