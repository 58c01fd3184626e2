/*
 * transaction: one batch, one transaction.
 *
 * Fences by compare-and-set in partition order, facts, rows loaded, folded and written, totals,
 * dead letters, COMMIT. Facts go by COPY when they are many and new; a small batch, and one that
 * may hold ids already there, goes by INSERT … ON CONFLICT DO NOTHING RETURNING, whose answer says
 * which are fresh. Everything but COPY travels in two pipelines.
 */
#ifndef SERVICES_STORE_POSTGRES_TRANSACTION_H
#define SERVICES_STORE_POSTGRES_TRANSACTION_H

#include "services/store/postgres/copy.h"
#include "services/store/postgres/facts.h"
#include "services/store/postgres/pipeline.h"

struct transaction { /* memory that serves every batch; zeroed except session and generation */
    struct pipeline pipeline; /* and the session */
    int generation;
    struct facts facts;
    struct copy copy;
    /* Of the batch in hand. */
    struct batch *batch;
    struct fold *fold;
    size_t fences_moved;
    bool is_fence_lost;
    const struct fold_user *const *users; /* changed rows */
    size_t user_count;
    size_t rows_set, rows_found; /* by place: sent, and found there */
};

/* On anything but APPLY_COMMITTED the session may be inside a failed transaction. */
enum apply_result transaction_run(struct transaction *transaction, struct batch *batch,
                                  struct fold *fold, struct err *err);
void transaction_done(struct transaction *transaction); /* not the session */

#endif
