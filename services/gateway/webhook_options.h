/* webhook_options: the words and options after `telefact-gateway webhook`. */
#ifndef SERVICES_GATEWAY_WEBHOOK_OPTIONS_H
#define SERVICES_GATEWAY_WEBHOOK_OPTIONS_H

#include "libs/base/err.h"

#include <stdint.h>
#include <stdio.h>

enum webhook_action {
    WEBHOOK_HELP,
    WEBHOOK_SET,
    WEBHOOK_INFO,
    WEBHOOK_DELETE,
    WEBHOOK_ROTATE_SECRET,
};

/* Texts are borrowed from argv; NULL: not given. */
struct webhook_options {
    enum webhook_action action;
    const char *url;
    const char *certificate_file;
    const char *ip_address;
    uint32_t allowed_kinds; /* bit i: the update kind i; 0: not given */
    int max_connections;    /* 0: not given */
};

/* argv[0] is "webhook". ERR_REJECT: wrong usage. */
MUST_CHECK bool webhook_options_parse(int argc, char **argv, struct webhook_options *out,
                                      struct err *err);

void webhook_options_print_usage(FILE *out);

#endif
