/*
 * ingest: the log into the tables, each event exactly once.
 *
 * One thread, straight-line: poll, decode, admit, collect a batch, one transaction, go on. Batches
 * adapt: without lag a batch starts within the linger time, behind it is as large as the bounds
 * allow. Whatever fails, there is one way on: drop everything in hand, read the fences again,
 * compare each partition's last record with its fingerprint, start the log there. A partition whose
 * log is not the one that was applied, or that holds what this build cannot apply, stops with an
 * alarm; the others go on. While the database is away nothing is fetched, but the group membership
 * stays alive.
 *
 * ingest_run is the thread's function; ingest_stop, ingest_status, ingest_lag_ms and ingest_view
 * may be called from any thread.
 */
#ifndef SERVICES_STORE_INGEST_H
#define SERVICES_STORE_INGEST_H

#include "services/store/ports.h"

struct board_view;
struct ingest;

struct ingest_options {
    int64_t bot_id;
    size_t batch_max_events;
    size_t batch_max_bytes;
    int64_t linger_ms;
    uint32_t dead_letters_per_1000;
    int64_t dead_letter_ms; /* so long they keep their bytes; 0: never looked at */
    int64_t position_check_ms;
    bool tends_generations; /* the ordinary store: not only the one that it writes */
};

struct ingest_status {
    bool is_assigned;      /* the group has said which partitions are ours (maybe none) */
    bool is_running;       /* they are being read and written, or there are none */
    bool is_database_well; /* as of the last try */
    int stopped_partitions;
};

struct ingest *ingest_new(const struct ingest_options *options, const struct record_source *source,
                          const struct projection_store *store);

/* Work until ingest_stop (true: what was in hand is committed or dropped) or until it cannot go on
 * (ERR_FATAL). */
MUST_CHECK bool ingest_run(struct ingest *ingest, struct err *err);

/* One round of the work, waiting at most wait_ms; ingest_run is a loop around it. ERR_FATAL. */
MUST_CHECK bool ingest_step(struct ingest *ingest, int wait_ms, struct err *err);

void ingest_stop(struct ingest *ingest);

/* Wait for ingest_stop, at most wait_ms; true: it was called. For the ingest thread before it runs.
 */
bool ingest_wait_stop(struct ingest *ingest, int64_t wait_ms);

struct ingest_status ingest_status(const struct ingest *ingest);

/* Age of the newest applied event while events wait, 0 when none do, -1 when nothing is known. Any
 * thread. */
int64_t ingest_lag_ms(const struct ingest *ingest);

/* How each own partition fares, as of the last second (ingest_board.h). Any thread. */
void ingest_view(struct ingest *ingest, struct board_view *out);

void ingest_free(struct ingest *ingest); /* not while it runs; NULL is fine */

#endif
