/*
 * reads: the read_store over the pool: one statement a question, on the active generation.
 *
 * Every statement selects the pointer and the fences beside the rows, so one snapshot answers all
 * three. When the pointer names another generation than the statement read, or the tables are gone,
 * the question is asked again on the active one.
 */
#ifndef SERVICES_STORE_POSTGRES_READS_H
#define SERVICES_STORE_POSTGRES_READS_H

#include "services/store/postgres/pool.h"
#include "services/store/read_ports.h"

struct reads;

struct reads *reads_new(struct pool *pool); /* borrows the pool */
void reads_free(struct reads *reads);       /* no question may be open; NULL is fine */

struct read_store reads_port(struct reads *reads);

#endif
