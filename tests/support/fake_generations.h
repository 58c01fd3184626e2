/*
 * fake_generations: a generation_store and a log_watch of two partitions in memory. Generation 1 is
 * live from the beginning; nobody writes, so tests say how far each is.
 */
#ifndef TESTS_SUPPORT_FAKE_GENERATIONS_H
#define TESTS_SUPPORT_FAKE_GENERATIONS_H

#include "services/store/replay_ports.h"

#define FAKE_GENERATIONS_MAX 4
#define FAKE_LOG_PARTITIONS 2

struct fake_generation {
    int projection_version;
    bool is_there;
    bool is_paused, has_end;
    enum generation_state state;
    int64_t now[FAKE_LOG_PARTITIONS], target[FAKE_LOG_PARTITIONS];
    char detail[200];
};

struct fake_generations {
    struct fake_generation items[FAKE_GENERATIONS_MAX]; /* by id */
    int64_t log_begin[FAKE_LOG_PARTITIONS], log_end[FAKE_LOG_PARTITIONS];
    /* What is to happen. */
    bool is_led_by_another;
    bool is_away;                         /* it cannot be connected to */
    int64_t at_time[FAKE_LOG_PARTITIONS]; /* what the log answers for any moment */
    const char *differing;                /* a table; NULL: all are equal */
    int unwell_compares;                  /* so many fail first */
    int unwell_erases;                    /* likewise */
    /* What happened. */
    bool is_held;
    int64_t asked_ms; /* the moment */
    int indexed;
    int erased[FAKE_GENERATIONS_MAX]; /* how often erases behind its end were applied; by id */
};

void fake_generations_init(struct fake_generations *fake);
void fake_generations_done(struct fake_generations *fake);
struct generation_store fake_generations_store(struct fake_generations *fake);
struct log_watch fake_generations_log(struct fake_generations *fake);

void fake_generations_set_log(struct fake_generations *fake, int64_t end0, int64_t end1);
void fake_generations_set_log_begin(struct fake_generations *fake, int64_t begin0, int64_t begin1);
void fake_generations_set_position(struct fake_generations *fake, int id, int64_t next0,
                                   int64_t next1);
void fake_generations_set_state(struct fake_generations *fake, int id, enum generation_state state);
enum generation_state fake_generations_state(const struct fake_generations *fake, int id);

#endif
