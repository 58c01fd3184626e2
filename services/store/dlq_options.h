/* dlq_options: the words and options after `telefact-store dlq`. */
#ifndef SERVICES_STORE_DLQ_OPTIONS_H
#define SERVICES_STORE_DLQ_OPTIONS_H

#include "services/store/dlq_ports.h"

#include <stdio.h>

#define DLQ_PLACES_MAX 256 /* letters named one by one; more are taken by --cause or --all */

enum dlq_action { DLQ_HELP, DLQ_LIST, DLQ_SHOW, DLQ_RETRY, DLQ_DROP, DLQ_EXPORT };

/* Texts are borrowed from argv. */
struct dlq_options {
    enum dlq_action action;
    struct letter_filter filter;
    struct letter_place from; /* the first place a list may hold */
    int64_t limit;            /* letters of a list */
    const char *output;       /* file of an export; NULL: standard output */
    bool is_json;
    bool reveals; /* show what people wrote */
    bool forces;  /* retry what would be refused again, and places that were decided on */
    struct letter_place places[DLQ_PLACES_MAX];
    size_t place_count; /* 0: whatever the filter says */
};

/* argv[0] is "dlq". ERR_REJECT: wrong usage. */
MUST_CHECK bool dlq_options_parse(int argc, char **argv, struct dlq_options *out, struct err *err);

void dlq_options_print_usage(FILE *out);

#endif
