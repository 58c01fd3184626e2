/*
 * rebuild_orders: what a caller may order of rebuilds, and what comes of it.
 *
 * As the words of `telefact-store replay`, but each is tried once and a generation that is named
 * must suit the order. No clock and no thread; the ports are borrowed, and may wait.
 */
#ifndef SERVICES_STORE_REBUILD_ORDERS_H
#define SERVICES_STORE_REBUILD_ORDERS_H

#include "services/store/replay.h"
#include "services/store/replay_options.h"

struct rebuild_order {
    enum replay_action action; /* not HELP, WORK, WATCH */
    int generation;            /* 0: the newest one that can have the order */
    /* START */
    bool has_as_of_time, has_as_of_position;
    int64_t as_of_ms; /* unix */
    struct position as_of_position;
    char *expected_differences; /* owned; NULL: none */
    bool is_forced;
};
void rebuild_order_done(struct rebuild_order *order); /* a zeroed struct is fine */

enum rebuild_outcome {
    REBUILD_DONE,
    REBUILD_NOT_FOUND, /* no such generation, or none that can have the order */
    REBUILD_REFUSED,   /* it is in another state, or the log is */
    REBUILD_UNWELL,    /* the database or Kafka; the order may have been done */
};

struct rebuild_answer {
    enum rebuild_outcome outcome;
    char text[256]; /* why it was not done */
    int generation; /* that it was done to */
    /* LIST */
    struct generation_row *rows;
    size_t row_count;
    /* STATUS */
    struct replay_view view;
    bool is_over; /* it will not change by itself any more */
};
void rebuild_answer_done(struct rebuild_answer *answer); /* a zeroed struct is fine */

/* Do it; the caller ends *out. */
void rebuild_order_do(const struct rebuild_order *order, const struct generation_store *store,
                      const struct log_watch *log, struct rebuild_answer *out);

#endif
