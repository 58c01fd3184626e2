/*
 * replay_ports: what a rebuild needs of the database beside what ingest needs: the generations, and
 * the moves that no batch makes.
 *
 * Adapter: postgres/generations.h. Blocking; one thread calls. ERR_RETRY: the database is unwell or
 * busy, again later. ERR_REJECT: refused, the text says what to do.
 */
#ifndef SERVICES_STORE_REPLAY_PORTS_H
#define SERVICES_STORE_REPLAY_PORTS_H

#include "libs/base/err.h"
#include "libs/wire/position.h"
#include "services/store/replay_states.h"

#define REPLAY_CLUSTER_MAX 64 /* with the NUL */

struct generation_row {
    int id;
    int projection_version;
    enum generation_state state;
    bool is_paused;
    bool has_end;           /* it ends at `end` for good: a past moment */
    struct position target; /* what the bulk must reach */
    struct position end;
    char *expected_differences;
    char *detail;     /* why it failed */
    char *created_at; /* ISO 8601 */
};
void generation_row_done(struct generation_row *row);                 /* a zeroed struct is fine */
void generation_rows_free(struct generation_row *rows, size_t count); /* NULL is fine */

/* A new generation. */
struct generation_plan {
    const char *cluster_id;
    const struct position *begin; /* of every partition; where the log begins */
    const struct position *target;
    bool has_end; /* it ends at target for good */
    const char *expected_differences;
};

/* What a comparison found in one table. */
struct table_difference {
    const char *table;
    int64_t rows_live, rows_new;
    bool is_equal;
    const char *example; /* keys of a row that differs; "" when there is none */
};
typedef void (*table_compared_fn)(void *self, const struct table_difference *table);

/* A comparison of a generation with the live one. */
struct generation_compare {
    int id;
    table_compared_fn fn; /* called for each table */
    void *self;
};

/* From one state to the other. */
struct generation_move {
    int id;
    enum generation_state from, to;
    const char *detail;
};

struct generation_store {
    /* Connect if needed. */
    bool (*open)(void *self, struct err *err);
    /* All of them by id; the caller ends each row and frees *out. */
    bool (*list)(void *self, struct generation_row **out, size_t *count, struct err *err);
    /* ERR_REJECT: there is no such generation. */
    bool (*load)(void *self, int id, struct generation_row *out, struct err *err);
    /* Tables, fences, limits. ERR_REJECT: another one is being built already. */
    bool (*create)(void *self, const struct generation_plan *plan, int *out_id, struct err *err);
    /* Only one of any number of workers leads a rebuild; true in *out: this one, until close. */
    bool (*lead)(void *self, int id, bool *out, struct err *err);
    /* Next offsets of its fences; the caller ends it. */
    bool (*positions)(void *self, int id, struct position *out, struct err *err);
    /* If it is in the first of the states. ERR_REJECT: it is not. */
    bool (*move)(void *self, const struct generation_move *move, struct err *err);
    /* Nothing more is applied to it, from now on (true), or up to its end again (false). */
    bool (*hold)(void *self, int id, bool is_held, struct err *err);
    bool (*set_paused)(void *self, int id, bool is_paused, struct err *err);
    /* Indexes, and the planner's figures. May take long. */
    bool (*make_indexes)(void *self, int id, struct err *err);
    /* It stands at a past moment, held: erase in it who is known to be erased after that. */
    bool (*erase_later)(void *self, int id, struct err *err);
    /* Compare it with the live one at one position. *out_equal: nothing differs that must not.
     * ERR_RETRY also when the two did not come to the same position in time. */
    bool (*compare)(void *self, const struct generation_compare *compare, bool *out_equal,
                    struct err *err);
    /* Readers and the live store go over to it, in one transaction; only forward. */
    bool (*swap)(void *self, int id, struct err *err);
    /* Remove it, table by table. */
    bool (*drop)(void *self, int id, struct err *err);
    void (*close)(void *self);
    void *self;
};

/* The log as it is now. */
struct log_state {
    char cluster_id[REPLAY_CLUSTER_MAX]; /* "": unknown */
    struct position begin, end;          /* of every partition */
};
void log_state_done(struct log_state *state); /* a zeroed struct is fine */

struct log_watch {
    /* Asks the brokers, at most some seconds. ERR_RETRY; ERR_FATAL: no such topic. */
    bool (*read)(void *self, struct log_state *out, struct err *err);
    /* Of each partition the first offset of that time or later, or its end. */
    bool (*at_time)(void *self, int64_t unix_ms, struct position *out, struct err *err);
    void *self;
};

#endif
