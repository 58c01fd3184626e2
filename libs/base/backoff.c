#include "libs/base/backoff.h"

int64_t backoff_next(struct backoff *backoff, uint32_t random)
{
    int64_t wait = backoff->next_ms == 0 ? backoff->first_ms : backoff->next_ms;
    if (wait > backoff->max_ms)
        wait = backoff->max_ms;
    backoff->next_ms = wait > backoff->max_ms / 2 ? backoff->max_ms : wait * 2;

    int64_t half = wait / 2;
    return wait - half + (int64_t)random % (half + 1);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_ms = 0;
}
