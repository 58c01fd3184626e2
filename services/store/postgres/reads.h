/*
 * reads: the read_store over the pool: one statement a question, on the active generation.
 *
 * Every statement selects the pointer and the fences beside the rows, so one snapshot answers all
 * three. When the pointer names another generation than the statement read, or the tables are gone,
 * the question is asked again on the active one.
 */
#ifndef SERVICES_STORE_POSTGRES_READS_H
#define SERVICES_STORE_POSTGRES_READS_H

#include "libs/loop/loop.h"
#include "services/store/postgres/pool_options.h"
#include "services/store/read_ports.h"

struct reads;

/* Connects in the background; the options' texts are borrowed. */
struct reads *reads_new(struct loop *loop, const struct pool_options *options);
void reads_free(struct reads *reads); /* open questions end without an answer; NULL is fine */

/* Connections that are up; 0: the database cannot be reached. */
int reads_connected(const struct reads *reads);

struct read_store reads_port(struct reads *reads);

#endif
