/*
 * replay_listener: the admin listener of a process that rebuilds, on a thread of its own, because
 * the other threads wait for hours.
 */
#ifndef SERVICES_STORE_REPLAY_LISTENER_H
#define SERVICES_STORE_REPLAY_LISTENER_H

#include "libs/base/err.h"

struct replay_listener;

/* After all metrics were added. ERR_FATAL: the address cannot be used. */
MUST_CHECK bool replay_listener_open(const char *listen, struct replay_listener **out,
                                     struct err *err);
void replay_listener_free(struct replay_listener *listener); /* NULL is fine */

#endif
