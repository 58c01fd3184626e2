/*
 * transaction: one batch, one transaction; of a bulk, many batches.
 *
 * Fences by compare-and-set in partition order, facts, rows loaded, folded and written, totals,
 * dead letters, COMMIT. Facts go by COPY when they are many and new; a small batch, and one that
 * may hold ids already there, goes by INSERT … ON CONFLICT DO NOTHING RETURNING, whose answer says
 * which are fresh. Everything but COPY travels in two pipelines.
 *
 * In a bulk a full batch leaves the transaction open: rows and statistics stay in the fold until
 * much of the log is folded into them, and are written once instead of with every batch. The fold
 * is bounded by open_bytes_max, the transaction's age by OPEN_MAX_MS (it holds locks, and keeps the
 * whole database from forgetting old rows). A batch that fails before it is folded is undone alone.
 */
#ifndef SERVICES_STORE_POSTGRES_TRANSACTION_H
#define SERVICES_STORE_POSTGRES_TRANSACTION_H

#include "services/store/postgres/copy.h"
#include "services/store/postgres/facts.h"
#include "services/store/postgres/pipeline.h"

struct generation_writing;

struct transaction { /* memory that serves every batch; zeroed except session and generation */
    struct pipeline pipeline; /* and the session */
    int generation;
    bool defers_erasures;  /* facts of erased people are rewritten later */
    size_t open_bytes_max; /* of the fold; 0: no batch leaves the transaction open */
    struct facts facts;
    struct copy copy;
    bool is_open; /* with the facts of earlier batches, and all else of them in the fold */
    bool has_savepoint;
    int64_t open_since_ms;
    /* Of the batch in hand. */
    struct batch *batch;
    struct fold *fold;
    size_t fences_moved;
    bool is_fence_lost;
    bool is_folded;                       /* it cannot be undone alone any more */
    const struct fold_user *const *users; /* changed rows */
    size_t user_count;
    size_t rows_set, rows_found; /* by place: sent, and found there */
};

/* A new session writes the generation from now on. */
MUST_CHECK bool transaction_prepare(struct session *session,
                                    const struct generation_writing *writing, struct err *err);

/* On anything but APPLY_COMMITTED the session may be inside a transaction. */
enum apply_result transaction_run(struct transaction *transaction, struct batch *batch,
                                  struct fold *fold, struct err *err);

/* After a failure with earlier batches open: go back to where this one began. False: all of them
 * are lost. */
MUST_CHECK bool transaction_undo_batch(struct transaction *transaction);

/* The session's transaction ended somehow. */
void transaction_forget(struct transaction *transaction);
void transaction_done(struct transaction *transaction); /* not the session */

#endif
