/*
 * fold_top: the users of each partition with most videos, and what a batch changes in these lists.
 *
 * A list holds the FOLD_TOP_USERS largest by (videos, pseudonyms first, smaller id first) of all
 * users of its partition with a video. Counts only grow, so comparing the list as it was with the
 * batch's changed users is enough. An erased user leaves it, and the pseudonym, which is offered as
 * changed, takes the place: it has as many videos and loses to nobody the user did not lose to, so
 * whoever was not in the list is not missed. Not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_TOP_H
#define SERVICES_STORE_FOLD_TOP_H

#include "services/store/fold.h"

struct fold_top_list {
    int32_t partition;
    size_t count;
    size_t loaded_count;
    struct fold_top users[FOLD_TOP_USERS + 1]; /* best first; the last place is for a newcomer */
    struct fold_top loaded[FOLD_TOP_USERS];    /* as they are in the database */
};

struct fold_tops {               /* a zeroed struct is empty */
    struct fold_top_list *lists; /* of wanted partitions */
    int32_t *partitions;         /* theirs */
    struct fold_top *changed;
    size_t count;
    size_t loaded_count; /* so many of the first are as in the database */
    size_t capacity;
};

void fold_tops_want(struct fold_tops *tops, int32_t partition);
void fold_tops_load(struct fold_tops *tops, const struct fold_top *user); /* wanted, in any order */

/* The user's count as it is now; of a partition that is not wanted: nothing happens. */
void fold_tops_offer(struct fold_tops *tops, const struct fold_top *user);

/* An erased user is none of them any more, and may be offered anew. */
void fold_tops_remove(struct fold_tops *tops, int32_t partition, int64_t user_id);

/* What differs from what was loaded; videos 0: the row goes. Lives until the reset. */
size_t fold_tops_changed(struct fold_tops *tops, const struct fold_top **out);

void fold_tops_reset(struct fold_tops *tops);
void fold_tops_done(struct fold_tops *tops);

#endif
