/*
 * arena: memory for the texts of one batch, given back all at once.
 *
 * Grows in chunks and keeps them over resets, so a steady stream allocates nothing. Not
 * thread-safe.
 */
#ifndef SERVICES_STORE_ARENA_H
#define SERVICES_STORE_ARENA_H

#include "libs/base/bytes.h"

struct arena_chunk;

struct arena { /* a zeroed struct is an empty arena */
    struct arena_chunk *first;
    struct arena_chunk *current;
    size_t used; /* bytes handed out since the reset */
};

/* A copy that lives until the reset. A view with data NULL stays NULL; an empty one stays present.
 */
struct bytes arena_keep(struct arena *arena, struct bytes text);
void arena_reset(struct arena *arena);
void arena_done(struct arena *arena);

#endif
