/*
 * replay: one rebuild from its beginning to its end.
 *
 * Whoever works on a rebuild also calls replay_step; one of them leads and moves the generation on:
 * bulk, indexes, catching up, comparing, and if wished the swap. Everything that must outlive a
 * process stands in the database, so any of them may be killed at any moment: the next step, of
 * this one or another, goes on from there.
 *
 * No clock and no thread of its own; the ports are borrowed.
 */
#ifndef SERVICES_STORE_REPLAY_H
#define SERVICES_STORE_REPLAY_H

#include "services/store/replay_ports.h"

struct replay;

/* How far it is; records. */
struct replay_view {
    enum generation_state state;
    bool is_paused, is_leading;
    int64_t done, total; /* of the bulk */
    int64_t behind;      /* of the log's end */
    int64_t live_behind; /* the live generation of it */
    char detail[200];
};

struct replay_rules {
    int id;
    bool is_swapped_when_ready;
    int64_t grace_ms; /* how long the replaced generation is kept up */
    /* Called with each look, before what follows from it is done; and for each table compared.
     * Either may be NULL. */
    void (*viewed)(void *self, const struct replay_view *view);
    table_compared_fn compared;
    void *self;
};

enum replay_progress {
    REPLAY_GOES_ON,
    REPLAY_DONE,   /* ready for good: past, or the grace is over */
    REPLAY_FAILED, /* it differs */
    REPLAY_GONE,   /* it was dropped */
};

struct replay *replay_new(const struct replay_rules *rules, const struct generation_store *store,
                          const struct log_watch *log);

/* Look, and do what is to be done; may take as long as an index or a comparison does. ERR_RETRY:
 * again later, the view is as it was. */
MUST_CHECK bool replay_step(struct replay *replay, int64_t now_ms, struct replay_view *view,
                            enum replay_progress *out, struct err *err);

/* Only look. */
MUST_CHECK bool replay_look(struct replay *replay, int64_t now_ms, struct replay_view *view,
                            enum replay_progress *out, struct err *err);

void replay_free(struct replay *replay); /* NULL is fine */

/* Make a generation that is filled up to where the log ends now, or for good up to `end` or the
 * moment *end_ms (NULL: not).
 * ERR_REJECT: the log no longer begins at 0 (unless forced), or another one is being built. */
struct replay_making {
    const struct position *end;
    const int64_t *end_ms; /* unix */
    const char *expected_differences;
    bool is_forced;
};
MUST_CHECK bool replay_make(const struct replay_making *making,
                            const struct generation_store *store, const struct log_watch *log,
                            int *out_id, struct err *err);

/* How many records lie between two positions; what is ahead counts as none. */
int64_t replay_distance(const struct position *from, const struct position *to);

#endif
