/* import_report: an import as people or programs follow it: lines, a bar on a terminal, or JSON. */
#ifndef SERVICES_STORE_IMPORT_REPORT_H
#define SERVICES_STORE_IMPORT_REPORT_H

#include "services/store/import.h"

#include <stdio.h>

enum import_form { IMPORT_LINES, IMPORT_BAR, IMPORT_JSON };

struct import_report {
    FILE *out;
    enum import_form form;
    int64_t told_ms; /* when progress was told last */
    bool has_bar;    /* on the line where the cursor is */
};

/* One line a row: table, primary key and why. */
void import_report_skipped(struct import_report *report, enum import_table table, int64_t key,
                           const char *why);

/* Told at most once a second (the bar: five times), by this clock. */
void import_report_moved(struct import_report *report, const struct import_status *status,
                         int64_t now_ms);

/* What became of all tables. */
void import_report_done(struct import_report *report, const struct import_status *status,
                        bool is_dry_run);

/* It did not come to an end. */
void import_report_broken(struct import_report *report, const struct import_status *status);

#endif
