/*
 * fold_erasures: what a batch does beside its rows: new aliases, erasures, and rows that are gone.
 * Pure; not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_ERASURES_H
#define SERVICES_STORE_FOLD_ERASURES_H

#include "services/store/fold.h"

struct fold_ids { /* a zeroed struct is empty */
    int64_t *items;
    size_t count, capacity;
};
void fold_ids_add(struct fold_ids *ids, int64_t id);

struct fold_aliases { /* a zeroed struct is empty */
    struct fold_alias *items;
    size_t count, capacity;
};
void fold_aliases_add(struct fold_aliases *aliases, const struct fold_alias *alias);
/* In those of the erasure's partition that are there by now. */
void fold_aliases_rename(struct fold_aliases *aliases, const struct fold_erasure *erasure);
void fold_aliases_reset(struct fold_aliases *aliases);
void fold_aliases_done(struct fold_aliases *aliases);

struct fold_erasures { /* a zeroed struct is empty */
    struct fold_erasure *items;
    size_t count, capacity;
    struct fold_ids gone_users;
    struct fold_ids gone_profiles;
};
void fold_erasures_add(struct fold_erasures *erasures, const struct fold_erasure *erasure);
void fold_erasures_reset(struct fold_erasures *erasures);
void fold_erasures_done(struct fold_erasures *erasures);

#endif
