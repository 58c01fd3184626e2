/*
 * read_sql: the statement of each kind of question. Its parameters: read_params.
 *
 * What is asked stands in questions/<name>.sql, the one place of the read side that knows tables
 * and indexes: a body that gives exactly one row, whose lists are arrays of records (see
 * read_rows). Around it comes what every answer begins with: the active generation and the
 * position, of the same snapshot. All parameters are bigint.
 */
#ifndef SERVICES_STORE_POSTGRES_READ_SQL_H
#define SERVICES_STORE_POSTGRES_READ_SQL_H

#include "services/store/read_ports.h"

const char *read_sql_name(enum read_kind kind);

/* On the tables of a generation; the caller frees it. */
char *read_sql_text(enum read_kind kind, int32_t generation);

#endif
