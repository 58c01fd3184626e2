#include "services/store/letter_rate.h"

void letter_rate_add(struct letter_rate *rate, bool is_letter)
{
    struct letter_ring *ring = &rate->taken;
    uint8_t *bits = &ring->bits[ring->next / 8];
    uint8_t bit = (uint8_t)(1U << ring->next % 8);
    ring->count -= (*bits & bit) != 0 ? 1 : 0;
    ring->count += is_letter ? 1 : 0;
    *bits = (uint8_t)(is_letter ? *bits | bit : *bits & ~bit);
    ring->next = (ring->next + 1) % LETTER_RATE_SPAN;
}

uint32_t letter_rate_count(const struct letter_rate *rate)
{
    return rate->taken.count;
}

void letter_rate_commit(struct letter_rate *rate)
{
    rate->committed = rate->taken;
}

void letter_rate_drop(struct letter_rate *rate)
{
    rate->taken = rate->committed;
}
