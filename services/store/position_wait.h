/*
 * position_wait: hold a read back until what its caller wrote is applied.
 *
 * While anybody waits, one question for the fences is in flight or due within 5 ms, however many
 * wait; nobody waiting costs nothing. At most max_waiters wait. Runs on the RPC loop.
 */
#ifndef SERVICES_STORE_POSITION_WAIT_H
#define SERVICES_STORE_POSITION_WAIT_H

#include "libs/loop/loop.h"
#include "libs/wire/position.h"
#include "services/store/read_ports.h"

struct position_wait;
struct position_waiter;

/* applied false: the wait ended for another reason, *err says which (the deadline, the database,
 * too many). */
typedef void (*position_wait_fn)(void *arg, bool applied, const struct err *err);

struct position_wait *position_wait_new(struct loop *loop, struct read_store store,
                                        size_t max_waiters);
void position_wait_free(struct position_wait *wait); /* nobody may wait any more; NULL is fine */

/* Wait until everything before `position` is applied or deadline_ms (monotonic) passes. fn is
 * called exactly once, never from inside this call, unless cancelled. */
struct position_waiter *position_wait_add(struct position_wait *wait,
                                          const struct position *position, int64_t deadline_ms,
                                          position_wait_fn fn, void *arg);
void position_wait_cancel(struct position_wait *wait, struct position_waiter *waiter);

/* Whether `have` (a position token of an answer) covers `want`. */
bool position_covers(struct bytes have, const struct position *want);

#endif
