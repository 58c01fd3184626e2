/*
 * read_sql: the statement of each kind of question, and its parameters.
 *
 * The one place of the read side that knows tables and indexes. In the texts ":schema" stands for
 * the generation's schema; parameters are bigint. Each statement gives one row that begins with the
 * active generation and the position; lists are arrays of records (see read_rows).
 */
#ifndef SERVICES_STORE_POSTGRES_READ_SQL_H
#define SERVICES_STORE_POSTGRES_READ_SQL_H

#include "services/store/read_ports.h"

#define READ_SQL_PARAMS_MAX 17

struct read_sql {
    const char *name;
    const char *text;
    int param_count;
};

struct read_sql read_sql_of(enum read_kind kind);

/* Writes param_count values. */
void read_sql_params(const struct read_request *request, int64_t *values);

#endif
