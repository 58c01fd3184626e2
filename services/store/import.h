/*
 * import: move all rows of another bot's database into the log.
 *
 * Page by page, users first, so memory is bounded and a row's events stand in the order of the
 * table. Nothing is remembered between runs: the same rows are the same events, so an import that
 * was broken off is simply run again. One thread.
 */
#ifndef SERVICES_STORE_IMPORT_H
#define SERVICES_STORE_IMPORT_H

#include "services/store/import_rows.h"
#include "services/store/log_ports.h"

struct import_counts {
    int64_t rows;    /* that the table has */
    int64_t read;    /* so far */
    int64_t skipped; /* of those: named, and not in the log */
    int64_t cut;     /* of those that are not skipped: with a link cut to what an event takes */
    int64_t events;  /* made, one to three of a row that is not skipped */
};

struct import_status {
    enum import_table table; /* being read */
    struct import_counts tables[IMPORT_TABLES];
    uint64_t durable; /* events of all tables */
};

/* Who is told what happens, on the same thread. */
struct import_listener {
    void (*skipped)(void *self, enum import_table table, int64_t key, const char *why);
    void (*moved)(void *self, const struct import_status *status); /* after each page */
    void *self;
};

struct import_job { /* all is borrowed */
    struct import_rules rules;
    struct import_source source;
    const struct log_sink *sink; /* NULL: make the events and write none */
    struct import_listener listener;
};

/* True: every row is durable or was named. *out is set in any case, as far as it came. Errors are
 * those of the source and the sink; ERR_FATAL also when a table's pages do not add up to its rows.
 */
MUST_CHECK bool import_run(const struct import_job *job, struct import_status *out,
                           struct err *err);

int64_t import_skipped(const struct import_status *status); /* of all tables */

#endif
