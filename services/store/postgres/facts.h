/*
 * facts: the events of a batch that leave a fact, by table and in order of their id.
 *
 * In that order a unique index takes them cheapest. The order is kept until the next sort; memory
 * is kept for ever. Not thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_FACTS_H
#define SERVICES_STORE_POSTGRES_FACTS_H

#include "services/store/postgres/layout.h"

struct fact_key { /* an id as two numbers that compare as its bytes do */
    uint64_t high, low;
    uint32_t index; /* of the event in the batch */
};

struct facts { /* a zeroed struct is fine */
    struct fact_key *keys[LAYOUT_FACTS];
    size_t counts[LAYOUT_FACTS];
    size_t capacity;
};

void facts_sort(struct facts *facts, const struct batch *batch);
void facts_done(struct facts *facts);

/* The event with this id, NULL if none. */
struct batch_event *facts_find(const struct facts *facts, enum layout_fact fact,
                               const struct batch *batch, const char *id);

#endif
