#include "libs/base/now.h"

#include "libs/base/fault.h"

#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec time = {0};
    (void)clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int64_t now_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t now_monotonic_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t now_unix_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000 + fault_clock_skew_ms();
}
