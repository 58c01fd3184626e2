/*
 * pipeline: statements of the layout sent one after the other, their answers told apart afterwards.
 *
 * Rows are put into the columns and leave as parameters of one statement, in bounded numbers. Not
 * thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_PIPELINE_H
#define SERVICES_STORE_POSTGRES_PIPELINE_H

#include "services/store/postgres/layout.h"
#include "services/store/postgres/session.h"

struct pipeline { /* zeroed except session */
    struct session *session;
    struct layout_columns columns;
    int *plan; /* enum layout_statement of each statement sent */
    size_t count, capacity;
};

MUST_CHECK bool pipeline_enter(struct pipeline *pipeline, struct err *err);
MUST_CHECK bool pipeline_send(struct pipeline *pipeline, enum layout_statement statement,
                              const struct session_params *params, struct err *err);
MUST_CHECK bool pipeline_send_plain(struct pipeline *pipeline, enum layout_statement statement,
                                    struct err *err);

/* Send the rows put into the columns, if any, and begin anew. */
MUST_CHECK bool pipeline_send_rows(struct pipeline *pipeline, enum layout_statement statement,
                                   struct err *err);
/* The same once they are enough for a statement; waits until they have left, so that memory stays
 * small. After each row. */
MUST_CHECK bool pipeline_send_full(struct pipeline *pipeline, enum layout_statement statement,
                                   struct err *err);
/* The same of ids alone, all of them. */
struct pipeline_ids {
    const int64_t *items;
    size_t count;
};
MUST_CHECK bool pipeline_send_ids(struct pipeline *pipeline, enum layout_statement statement,
                                  struct pipeline_ids ids, struct err *err);

/* Which statement the result with this number answers. */
enum layout_statement pipeline_statement(const struct pipeline *pipeline, size_t number);
void pipeline_done(struct pipeline *pipeline); /* not the session */

#endif
