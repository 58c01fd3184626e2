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

/* What an event does; of a UserErased, see below. */
void fold_effect(const struct fold_target *target, const struct event *event,
                 const struct fold_place *place);

/* A row as it is before any event. */
struct fold_user fold_blank_user(int64_t user_id, int32_t partition);
struct fold_profile fold_blank_profile(int64_t id);

/* The user's row goes on as the pseudonym's, without what says who it was; the user's own and the
 * profile are blank again. */
void fold_erase_user(struct fold_stats *stats, struct fold_user *user, struct fold_user *pseudonym);
void fold_erase_profile(struct fold_profile *profile);

#endif
