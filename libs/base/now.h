/* now: the only place that reads a clock. Decisions use the monotonic clock; the wall clock is for
 * rows' metadata. */
#ifndef LIBS_BASE_NOW_H
#define LIBS_BASE_NOW_H

#include <stdint.h>

int64_t now_monotonic_ms(void);
int64_t now_monotonic_us(void);
int64_t now_unix_ms(void);

#endif
