/* erase_options: the options after `telefact-store erase`. */
#ifndef SERVICES_STORE_ERASE_OPTIONS_H
#define SERVICES_STORE_ERASE_OPTIONS_H

#include "libs/base/err.h"

#include <stdint.h>
#include <stdio.h>

struct erase_options {
    bool is_help;
    int64_t user_id;
    bool has_id;
    uint8_t id[16];  /* the UUIDv7 of a command that is resumed */
    bool is_agreed;  /* --yes */
    bool is_waiting; /* --wait */
};

/* argv[0] is "erase". ERR_REJECT: wrong usage. */
MUST_CHECK bool erase_options_parse(int argc, char **argv, struct erase_options *out,
                                    struct err *err);

void erase_options_print_usage(FILE *out);

#endif
