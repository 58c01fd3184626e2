/* ingest_state: what the parts of ingest share (ingest.c and ingest_*.c). */
#ifndef SERVICES_STORE_INGEST_STATE_H
#define SERVICES_STORE_INGEST_STATE_H

#include "libs/base/backoff.h"
#include "services/store/admission.h"
#include "services/store/hand.h"
#include "services/store/id_window.h"
#include "services/store/ingest.h"
#include "services/store/ingest_board.h"
#include "services/store/letter_rate.h"
#include "services/store/position_check.h"
#include "services/store/replay_report.h"
#include "services/store/tombstones.h"

#include <stdatomic.h>

enum partition_state {
    PARTITION_WAITING,  /* its fence is to be read */
    PARTITION_CHECKING, /* started at next_offset - 1, whose record is to be compared */
    PARTITION_RUNNING,  /* the next record is next_offset */
    PARTITION_HELD,     /* at its limit; the fence is read again and again, should it be lifted */
    PARTITION_STOPPED,  /* stands still with an alarm until it is assigned anew */
};

struct partition {
    int32_t id;
    enum partition_state state;
    enum stop_reason reason;
    struct fence fence;  /* as committed */
    int64_t next_offset; /* with what is in hand */
    int64_t exported_offset;
    int64_t missing_offset; /* that was not where it should be once already; -1: none */
    int64_t lost_offset;    /* where no record came, */
    int lost_count;         /* so many times in a row */
    struct letter_rate letters;
    const struct batch_event *last; /* of the slice that is being applied; NULL: none */
};

enum ingest_phase {
    INGEST_IDLE,       /* no partition is ours */
    INGEST_RECOVERING, /* nothing is fetched; at retry_at_ms everything begins at the fences */
    INGEST_RUNNING,
};

struct ingest {
    struct ingest_options options;
    struct record_source source;
    struct projection_store store;
    struct admission_rules rules;

    enum ingest_phase phase;
    struct partition *partitions; /* ascending */
    size_t partition_count;
    struct partition *recent; /* found last; NULL: none */
    char cluster_id[CLUSTER_ID_MAX];
    bool is_recounted; /* the topic's partition count is not the one of the start */

    struct hand hand;
    struct tombstones tombstones; /* with those of the erasures in hand */
    struct id_window *ids; /* of the last records that were taken; emptied by every recovery */
    struct fold *fold;
    struct batch_fence *fences; /* room for one batch */
    int tolerant_batches;       /* so many go by the path that tolerates duplicates */

    /* The bulk of a rebuild. */
    bool is_bulk;
    bool is_open;          /* what was written last is not committed */
    int closed_batches;    /* so many are committed one by one */
    int32_t visited;       /* the one partition that is fetched; -1: all */
    int64_t visit_ends_at; /* offset */

    struct backoff backoff;
    struct backoff held; /* between two looks at the limits */
    int64_t retry_at_ms;
    int64_t check_at_ms;       /* when positions are checked again */
    int64_t lag_at_ms;         /* when lags are measured again */
    int64_t letters_at_ms;     /* when dead letters are tended again */
    int64_t generations_at_ms; /* likewise the generations beside the one that is written */
    struct replay_speed rebuild_speed;
    char logged_trouble[sizeof(((struct err *)NULL)->text)]; /* the last one; empty: none */

    /* Read by other threads. */
    atomic_bool is_stopping, is_assigned, is_running, is_database_well;
    atomic_bool has_nothing; /* no partition is ours: nothing can be behind or broken */
    atomic_int stopped_partitions;
    _Atomic int64_t applied_at_ms; /* occurred time of the newest applied event */
    _Atomic int64_t lag_records;   /* -1: not known */
    struct ingest_board board;
};

struct partition *ingest_partition(struct ingest *ingest, int32_t id); /* NULL: not ours */

/* Stop one partition with an alarm. */
void ingest_stop_partition(struct ingest *ingest, struct partition *partition,
                           enum stop_reason reason);

/* ingest_apply.c: apply everything in hand, and commit; afterwards the hand is empty. A failure
 * leads to recovery. */
void ingest_flush(struct ingest *ingest);
/* The same; if more follows at once, the commit may wait for it. */
void ingest_flush_hand(struct ingest *ingest, bool is_more_to_come);

/* ingest_recover.c: drop everything in hand, fetch nothing, and begin again at the fences after
 * delay_ms. */
void ingest_recover_in(struct ingest *ingest, int64_t delay_ms);
/* The same after the next wait of the backoff; logs why, once a trouble. */
void ingest_recover_later(struct ingest *ingest, const char *what, const struct err *err);
/* The log holds the position, but its record does not come: try again, at last stop. */
void ingest_lose_position(struct ingest *ingest, int32_t id);
/* ingest_erasures.c: what a record is in the light of the erasures before it. Before duplicates are
 * looked for: the id of an event that comes too late is not remembered, in the database either. An
 * erasure counts for what comes after it, even if it is a duplicate. */
void ingest_heed_erasures(struct ingest *ingest, struct batch_event *item);
/* ingest_lag.c: how far behind each partition is. */
void ingest_measure_lag(struct ingest *ingest, int64_t now_ms);

/* ingest_letters.c: take the bytes of old dead letters away and count the open ones; `now_unix_ms`
 * is what they are old by. */
void ingest_tend_letters(struct ingest *ingest, int64_t now_unix_ms);
/* ingest_generations.c: erase in those of a past moment who was erased since; show how far the one
 * is that is rebuilt. */
void ingest_tend_generations(struct ingest *ingest, int64_t now_ms);

/* Try to begin at the fences. ERR_FATAL: the process cannot go on. */
MUST_CHECK bool ingest_try_begin(struct ingest *ingest, struct err *err);

#endif
