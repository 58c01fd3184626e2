/* read_rows: results of the read statements as plain structs. Pure; views point into the result. */
#ifndef SERVICES_STORE_POSTGRES_READ_ROWS_H
#define SERVICES_STORE_POSTGRES_READ_ROWS_H

#include "services/store/read_ports.h"

#include <libpq-fe.h>

/* Columns every statement but PING and the pointer begins with. */
enum { READ_COLUMN_GENERATION, READ_COLUMN_POSITION, READ_COLUMN_FIRST };

int32_t read_rows_generation(const PGresult *result);

/* ids is room for READ_IDS_PAGE, used by READ_USER_IDS alone. */
void read_rows_decode(const PGresult *result, enum read_kind kind, int64_t *ids,
                      struct read_answer *out);

#endif
