/*
 * generation: which of the generations in the database a process writes, and how one is made.
 *
 * A process writes only generations of its own projection version, so builds of two versions run
 * side by side during an upgrade. Who writes which is looked up again whenever writing begins anew,
 * and a swap makes every writer begin anew (it raises the owner epochs): no message is needed.
 */
#ifndef SERVICES_STORE_POSTGRES_GENERATION_H
#define SERVICES_STORE_POSTGRES_GENERATION_H

#include "libs/base/err.h"

struct session;

/* Raised with every change of the fold or of generation.sql: other versions build other tables. */
#define PROJECTION_VERSION 3

struct generation_writing {
    int generation;
    bool is_bulk;         /* it is being built: a lost commit is only work to be done again */
    bool defers_erasures; /* facts of erased people are rewritten after the bulk */
};

/* The generation that a process writes. rebuild 0: the ordinary store, which writes the active
 * generation, or the newest one of its version when the active one is of another. rebuild N: a
 * worker of the rebuild N, which writes N, and once N is active the one that N replaced.
 * ERR_FATAL: there is none; ERR_RETRY: the database is unwell. */
MUST_CHECK bool generation_find(struct session *session, int rebuild,
                                struct generation_writing *out, struct err *err);

/* The one that the pointer names. ERR_FATAL: none. */
MUST_CHECK bool generation_active(struct session *session, int *out, struct err *err);

/* Make the tables of generation `id`, without the indexes that a bulk can do without, inside the
 * session's transaction. */
MUST_CHECK bool generation_make_tables(struct session *session, int id, struct err *err);
/* What a bulk needs beside them, likewise. */
MUST_CHECK bool generation_begin_bulk(struct session *session, int id, struct err *err);
/* Those indexes; each may be there. */
MUST_CHECK bool generation_make_indexes(struct session *session, int id, struct err *err);
/* Then do what the bulk deferred; nothing, if that was done before. */
MUST_CHECK bool generation_end_bulk(struct session *session, int id, struct err *err);
/* Those by which a generation of a past moment finds who is erased later; each may be there. */
MUST_CHECK bool generation_make_past_indexes(struct session *session, int id, struct err *err);
/* Point the views at it, inside the session's transaction. */
MUST_CHECK bool generation_point_views(struct session *session, int id, struct err *err);

#endif
