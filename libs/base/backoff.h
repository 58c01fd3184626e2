/*
 * backoff: how long to wait before the next try: doubling from first_ms to max_ms, then between
 * half of it and all of it at random, so that many processes do not come back together.
 */
#ifndef LIBS_BASE_BACKOFF_H
#define LIBS_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms;
    int64_t max_ms;
    int64_t next_ms; /* 0: the next wait is the first one */
};

int64_t backoff_next(struct backoff *backoff,
                     uint32_t random);       /* the wait in ms; random is any number */
void backoff_reset(struct backoff *backoff); /* after a success */

#endif
