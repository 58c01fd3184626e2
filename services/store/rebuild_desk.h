/*
 * rebuild_desk: takes orders about rebuilds from a loop and does them one after the other on a
 * thread of its own, because they wait for PostgreSQL and Kafka.
 *
 * At most REBUILD_ORDERS_MAX orders at a time. Everything here is called on the loop's thread; the
 * ports are used by the desk's thread alone, and the database is let go after a while without an
 * order. An order that has begun is done to its end, whoever waits for it.
 */
#ifndef SERVICES_STORE_REBUILD_DESK_H
#define SERVICES_STORE_REBUILD_DESK_H

#include "libs/loop/loop.h"
#include "services/store/rebuild_orders.h"

#define REBUILD_ORDERS_MAX 100

struct rebuild_desk;
struct rebuild_ticket;

/* `answer` lives until the return. */
typedef void (*rebuild_answer_fn)(void *arg, const struct rebuild_answer *answer);

/* ERR_FATAL: there is no thread to be had. The ports are copied; what is behind them outlives the
 * desk. */
MUST_CHECK bool rebuild_desk_open(struct loop *loop, const struct generation_store *store,
                                  const struct log_watch *log, struct rebuild_desk **out,
                                  struct err *err);

/* Takes what the order owns, also on failure. fn is called exactly once, never from inside this
 * call, unless cancelled; the ticket is valid until then. NULL: too many orders. */
struct rebuild_ticket *rebuild_desk_put(struct rebuild_desk *desk, struct rebuild_order *order,
                                        rebuild_answer_fn fn, void *arg);

/* Nobody waits for it any more: an order that has not begun is not done. */
void rebuild_desk_cancel(struct rebuild_desk *desk, struct rebuild_ticket *ticket);

bool rebuild_desk_is_idle(const struct rebuild_desk *desk); /* no order is open */

/* Waits for the order that has begun. The loop must not run any more; NULL is fine. */
void rebuild_desk_free(struct rebuild_desk *desk);

#endif
