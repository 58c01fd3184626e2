/*
 * pace: a projection_store that leaves time to others.
 *
 * After each batch it rests for so long that only a share of the time is spent working, and while
 * it is told to yield it rests longer, at most a second a batch: it never stops wholly.
 */
#ifndef SERVICES_STORE_PACE_H
#define SERVICES_STORE_PACE_H

#include "services/store/ports.h"

struct pace;

/* `store` is borrowed. percent: 1 to 100. */
struct pace *pace_new(const struct projection_store *store, int percent);
struct projection_store pace_port(struct pace *pace);
void pace_yield(struct pace *pace, bool does_yield); /* any thread */
void pace_free(struct pace *pace);                   /* NULL is fine */

/* How long to rest after work of worked_ms. Pure. */
int64_t pace_rest_ms(int64_t worked_ms, int percent);

#endif
