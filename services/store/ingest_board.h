/*
 * ingest_board: how each own partition fares, as the ingest thread last wrote it up, for people to
 * look at.
 *
 * The ingest thread writes whenever it measures the lag, about once a second; any thread reads a
 * copy. The lock is held for that copy alone, so neither waits for the other's work.
 */
#ifndef SERVICES_STORE_INGEST_BOARD_H
#define SERVICES_STORE_INGEST_BOARD_H

#include "libs/wire/position.h"
#include "services/store/position_check.h"

#include <pthread.h>

struct ingest;

struct board_row {
    int32_t partition;
    const char *state; /* "running"; a constant */
    enum stop_reason reason;
    int64_t since_ms; /* unix; it was first seen in this state */
    int64_t applied;  /* the next offset to apply */
    int64_t end;      /* the log's; -1: unknown */
    int64_t rate;     /* records applied in 1,000 seconds, of the last 10 to 20; -1: unknown */
};

struct board_view {
    int64_t measured_ms; /* unix; 0: never */
    int32_t topic_partitions;
    size_t count;
    struct board_row rows[POSITION_PARTITIONS_MAX]; /* ascending partitions */
};

/* For the ingest thread: what it sees of a partition now. */
struct board_sight {
    int32_t partition;
    const char *state;
    enum stop_reason reason;
    int64_t applied, end;
};

/* Where a rate is measured from. */
struct board_mark {
    int64_t at_ms, applied; /* at_ms 0: none */
};

struct ingest_board {
    pthread_mutex_t lock;
    struct board_view view;                              /* under the lock */
    struct board_mark marks[POSITION_PARTITIONS_MAX][2]; /* of the rows: the older one, the newer */
};

void ingest_board_init(struct ingest_board *board);
void ingest_board_done(struct ingest_board *board);

/* These partitions, ascending, and no others. */
void ingest_board_write(struct ingest_board *board, const struct board_sight *sights, size_t count,
                        int64_t now_unix_ms);
void ingest_board_set_topic(struct ingest_board *board, int32_t topic_partitions);

/* Any thread. */
void ingest_board_read(struct ingest_board *board, struct board_view *out);

#endif
