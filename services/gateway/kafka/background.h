/*
 * background: calls of librdkafka that may block, away from the loop.
 *
 * One thread a job; there are few of them (a check at start, the end of a broken producer). One
 * thread uses this.
 */
#ifndef SERVICES_GATEWAY_KAFKA_BACKGROUND_H
#define SERVICES_GATEWAY_KAFKA_BACKGROUND_H

#include "libs/loop/loop.h"

struct background;

struct background *background_new(struct loop *loop);

/* work(arg) runs on a thread of its own, then done(arg) on the loop's thread. */
void background_run(struct background *background, loop_fn work, loop_fn done, void *arg);

bool background_is_busy(const struct background *background);

/* Not busy; NULL is fine. */
void background_free(struct background *background);

#endif
