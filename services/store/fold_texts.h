/*
 * fold_texts: counts by text, as the changes of a batch.
 *
 * The changes are kept as they come and added up by sorting, not by hashing: strangers choose the
 * texts. A text is a view that lives until the reset. Not thread-safe.
 */
#ifndef SERVICES_STORE_FOLD_TEXTS_H
#define SERVICES_STORE_FOLD_TEXTS_H

#include "services/store/fold.h"

struct fold_texts { /* a zeroed struct is empty */
    struct fold_text_count *items;
    size_t count;
    size_t capacity;
};

void fold_texts_add(struct fold_texts *texts, int32_t partition, struct bytes text, int64_t by);

/* One item for each partition and text whose changes are not zero, by partition and bytes. Adding
 * goes on after it. */
size_t fold_texts_sum(struct fold_texts *texts, const struct fold_text_count **out);

void fold_texts_reset(struct fold_texts *texts);
void fold_texts_done(struct fold_texts *texts);

#endif
