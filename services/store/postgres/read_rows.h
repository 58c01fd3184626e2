/* read_rows: results of the read statements as plain structs. Views point into the result; lists
 * are allocated. */
#ifndef SERVICES_STORE_POSTGRES_READ_ROWS_H
#define SERVICES_STORE_POSTGRES_READ_ROWS_H

#include "services/store/read_ports.h"

#include <libpq-fe.h>

struct read_rows {
    struct read_answer answer;
    void *lists[2]; /* what the answer's lists stand in */
};

int32_t read_rows_generation(const PGresult *result);

/* End with read_rows_done. The result outlives it. */
void read_rows_decode(const PGresult *result, enum read_kind kind, struct read_rows *out);
void read_rows_done(struct read_rows *rows);

#endif
