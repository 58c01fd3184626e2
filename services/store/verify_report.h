/*
 * verify_report: what verify found, as lines for people or as one JSON object.
 *
 * Used as verify_begin, verify_find for each check, verify_end. Not thread-safe.
 */
#ifndef SERVICES_STORE_VERIFY_REPORT_H
#define SERVICES_STORE_VERIFY_REPORT_H

#include "services/store/verify_ports.h"

#include <stdio.h>

struct verify_report { /* set out and is_json, the rest zeroed */
    FILE *out;
    bool is_json;
    bool has_begun;
    int checks;
    int wrong; /* of them, those that found differences */
};

void verify_report_begin(struct verify_report *report, const struct verify_subject *subject);
void verify_report_find(struct verify_report *report, const struct verify_finding *finding);
/* is_complete: every check ran. */
void verify_report_end(struct verify_report *report, bool is_complete);

#endif
