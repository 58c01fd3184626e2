#include "services/store/faults.h"

#include <stddef.h>

#ifdef TELEFACT_FAULTS

const char *const STORE_FAULT_POINTS[] = {
    "store.polled",
    "store.decoded",
    "store.begun",
    "store.fenced",
    "store.copying",
    "store.facts_written",
    "store.folded",
    "store.rows_written",
    "store.before_commit",
    "store.commit_sent",
    "store.committed",
    "store.exported",
    NULL,
};

const char *const STORE_FAULT_BUGS[] = {
    "store.no_fence",           /* the position is durable before the data: a crash loses events */
    "store.no_dedup",           /* every copy of an event counts */
    "store.stale_position",     /* memory is trusted after a reconnect: a lost commit stays lost */
    "store.counter_outside_tx", /* rows and totals follow in another transaction */
    "store.skip_poison_silently",  /* an unreadable record leaves no dead letter */
    "store.ignore_gap",            /* a log that lost records is read on wherever it goes on */
    "store.clock_at_apply",        /* the time of applying stands in rows */
    "store.last_fact_stays",       /* a user stays in the bucket of its first fact */
    "store.border_belongs_before", /* the second at which a bucket begins is in the one before */
    "store.unknown_time_counts",   /* a fact without a time counts in 1970 */
    "store.old_lang_stays",        /* a chat still counts for the language that it had */
    "store.tie_enters_no_top",     /* who has as many videos as the last of a full list stays out */
    "store.window_takes_its_edge", /* a trailing period holds the second before it, too */
    "store.moved_counts_twice",    /* a group that moved is a chat under either id */
    NULL,
};

#else

typedef int faults_are_not_compiled_in; /* a translation unit must not be empty */

#endif
