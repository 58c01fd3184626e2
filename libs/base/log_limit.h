/* log_limit: a log line that traffic can cause stands at most once in some seconds, with the count
 * of those between. */
#ifndef LIBS_BASE_LOG_LIMIT_H
#define LIBS_BASE_LOG_LIMIT_H

#include "libs/base/now.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_MS 5000

struct log_limit { /* zeroed at first */
    int64_t next_ms;
    uint64_t suppressed;
};

/* True: write the line, with *out_suppressed as a field. */
static inline bool log_limit_passes(struct log_limit *limit, uint64_t *out_suppressed)
{
    int64_t now_ms = now_monotonic_ms();
    if (now_ms < limit->next_ms) {
        limit->suppressed++;
        return false;
    }
    *out_suppressed = limit->suppressed;
    limit->suppressed = 0;
    limit->next_ms = now_ms + LOG_LIMIT_MS;
    return true;
}

#endif
