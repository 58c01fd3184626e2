/* utc_time: a moment as people write it, 2026-11-30T12:00:00Z. Pure. */
#ifndef SERVICES_STORE_UTC_TIME_H
#define SERVICES_STORE_UTC_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* From 1970 on, exactly of this form; false: it is not. */
bool utc_time_parse(const char *text, int64_t *out_ms);

#endif
