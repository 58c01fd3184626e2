/*
 * letter_rate: how many of a partition's last 1,000 records became dead letters. Pure.
 *
 * Counts what is in hand too; what is dropped before its commit is taken back.
 */
#ifndef SERVICES_STORE_LETTER_RATE_H
#define SERVICES_STORE_LETTER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define LETTER_RATE_SPAN 1000

struct letter_ring {
    uint8_t bits[LETTER_RATE_SPAN / 8];
    uint32_t next; /* the oldest record's place, to be overwritten */
    uint32_t count;
};

struct letter_rate { /* a zeroed struct has seen nothing */
    struct letter_ring taken;
    struct letter_ring committed;
};

void letter_rate_add(struct letter_rate *rate, bool is_letter);
uint32_t letter_rate_count(const struct letter_rate *rate);
void letter_rate_commit(struct letter_rate *rate); /* all that was taken */
void letter_rate_drop(struct letter_rate *rate);   /* all that was taken since */

#endif
