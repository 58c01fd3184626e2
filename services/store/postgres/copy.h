/*
 * copy: rows into a table by COPY in binary form, in bounded pieces.
 *
 *   copy_begin, then for each row copy_put(copy, write(copy_room(copy))), then copy_end.
 *
 * Not thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_COPY_H
#define SERVICES_STORE_POSTGRES_COPY_H

#include "services/store/postgres/session.h"

#include <stddef.h>

struct copy { /* a zeroed struct is fine */
    struct session *session;
    char *piece; /* what goes out next */
    size_t len;
};

MUST_CHECK bool copy_begin(struct copy *copy, struct session *session, const char *sql,
                           struct err *err);
char *copy_room(struct copy *copy);                                            /* for one row */
MUST_CHECK bool copy_put(struct copy *copy, const char *end, struct err *err); /* it ends there */
MUST_CHECK bool copy_end(struct copy *copy, struct err *err);
void copy_done(struct copy *copy);

#endif
