/*
 * fold_effects: what one event does to the rows it touches. Pure; not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_EFFECTS_H
#define SERVICES_STORE_FOLD_EFFECTS_H

#include "services/store/arena.h"
#include "services/store/fold_stats.h"

struct fold_target {
    struct fold_user *user;       /* NULL: the event touches none */
    struct fold_profile *profile; /* likewise */
    struct fold_stats *stats;
    struct arena *texts; /* where new texts of rows are kept */
};

void fold_effect(const struct fold_target *target, const struct event *event,
                 const struct fold_place *place);

#endif
