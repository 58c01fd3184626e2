/* read_params: the parameters of read_sql's statements, all bigint, in the order of their texts.
 * Pure. */
#ifndef SERVICES_STORE_POSTGRES_READ_PARAMS_H
#define SERVICES_STORE_POSTGRES_READ_PARAMS_H

#include "services/store/read_ports.h"

#define READ_PARAMS_MAX 15

int read_params_count(enum read_kind kind);

/* Writes that many values. */
void read_params_fill(const struct read_request *request, int64_t *values);

#endif
