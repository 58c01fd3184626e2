/*
 * fold_totals: what a user's row adds to the totals, and the sum of the changes of a batch.
 *
 * A total is a function of the rows, so it is changed by f(new row) - f(old row) and can always be
 * recounted.
 */
#ifndef SERVICES_STORE_FOLD_TOTALS_H
#define SERVICES_STORE_FOLD_TOTALS_H

#include "services/store/fold.h"

struct fold_sums {               /* a zeroed struct is empty */
    struct fold_totals *cells;   /* partition * FOLD_CHAT_CLASSES + chat_class */
    struct fold_totals *changed; /* the cells that are not all zero */
    size_t capacity;
};

/* What a row counts for in the totals of its partition and class of chats. */
struct fold_totals fold_share(const struct fold_user *row);

void fold_sums_add(struct fold_sums *sums, const struct fold_totals *before,
                   const struct fold_totals *after);

/* The sums that are not all zero, by partition and class; they live until the reset. */
size_t fold_sums_changed(struct fold_sums *sums, const struct fold_totals **out);

void fold_sums_reset(struct fold_sums *sums);
void fold_sums_done(struct fold_sums *sums);

#endif
