/* verify_options: the words after `telefact-store verify`. */
#ifndef SERVICES_STORE_VERIFY_OPTIONS_H
#define SERVICES_STORE_VERIFY_OPTIONS_H

#include "libs/base/err.h"

#include <stdio.h>

struct verify_options {
    bool is_help;
    bool is_json;
    int generation; /* 0: the active one */
};

/* argv[0] is "verify". ERR_REJECT: wrong usage. */
MUST_CHECK bool verify_options_parse(int argc, char **argv, struct verify_options *out,
                                     struct err *err);

void verify_options_print_usage(FILE *out);

#endif
