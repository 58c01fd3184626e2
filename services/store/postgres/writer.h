/*
 * writer: the projection_store over PostgreSQL.
 *
 * One connection, opened when needed and given up after every failure that leaves its state in
 * doubt. Which generation it writes is looked up at every open (generation.h). Not thread-safe: the
 * ingest thread alone uses it.
 */
#ifndef SERVICES_STORE_POSTGRES_WRITER_H
#define SERVICES_STORE_POSTGRES_WRITER_H

#include "services/store/ports.h"
#include "services/store/postgres/session_options.h"

struct writer;

struct writer_options {
    struct session_options session; /* its strings are borrowed */
    int64_t bot_id;
    bool migrate_on_start;
    int64_t zombie_after_ms; /* age of a blocking transaction of our role that may be ended */
    int rebuild;             /* the generation to rebuild; 0: the ordinary store */
    size_t bulk_bytes;       /* of the fold, while a rebuild's bulk is written */
};

struct writer *writer_new(const struct writer_options *options);
struct projection_store writer_port(struct writer *writer);
void writer_free(struct writer *writer); /* NULL is fine */

#endif
