/*
 * import_rows: a row of TT-Bot's tables as the events that give the same row here. Pure.
 *
 * An id follows from the row's identity (source, table, primary key) and its time, so a row that is
 * imported again is the same events. A row becomes all of its events or none: what an event cannot
 * say exactly is named, not bent.
 */
#ifndef SERVICES_STORE_IMPORT_ROWS_H
#define SERVICES_STORE_IMPORT_ROWS_H

#include "services/store/import_ports.h"

#define IMPORT_EVENTS_MAX 3 /* of one row */

struct import_rules {
    int64_t bot_id;
    struct bytes source; /* the name that ids are made with */
    struct bytes producer;
    int64_t now_s; /* rows are not from the future */
};

/* Texts are those of the row and the rules. */
struct import_events {
    struct event events[IMPORT_EVENTS_MAX];
    size_t count;
    bool is_cut; /* a link was longer than EVENT_LINK_MAX */
};

const char *import_table_name(enum import_table table); /* "users" … */

/* NULL: made. Else why not, a constant text without quotes that starts with the field. */
const char *import_row_events(const struct import_rules *rules, enum import_table table,
                              const struct import_row *row, struct import_events *out);

#endif
