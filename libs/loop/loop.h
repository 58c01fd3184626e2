/*
 * loop: one event loop over libevent; one thread runs it.
 *
 * Everything here is called on the loop's own thread, except loop_post and loop_stop. Callbacks run
 * on the loop's thread and must not block. Handles are freed before the loop.
 */
#ifndef LIBS_LOOP_LOOP_H
#define LIBS_LOOP_LOOP_H

#include "libs/base/err.h"

#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_watch;
struct event_base;

typedef void (*loop_fn)(void *self);
typedef void (*loop_watch_fn)(void *self, bool readable, bool writable);

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* NULL is fine */

/* Run until loop_stop. */
void loop_run(struct loop *loop);

/* From any thread or from a callback: loop_run returns after the current callbacks. */
void loop_stop(struct loop *loop);

/* From any thread: run fn(self) on the loop's thread, in order of posting. */
void loop_post(struct loop *loop, loop_fn fn, void *self);

/* When the loop last went round; any thread may read it. A loop that hangs stops moving this. */
int64_t loop_last_tick_ms(const struct loop *loop);

/* A timer that is not armed yet. Arming again moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *self);
void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_disarm(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* Watch a descriptor; level-triggered. Set what to wait for with loop_watch_want (neither: paused).
 */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn fn, void *self);
void loop_watch_want(struct loop_watch *watch, bool readable, bool writable);
void loop_watch_free(struct loop_watch *watch); /* NULL is fine; the descriptor stays open */

/* Call fn(self) for every SIGTERM or SIGINT; a second one while `fn` ran before exits the process
 * at once with 1. SIGPIPE is ignored. At most one loop of a process does this. */
void loop_on_terminate(struct loop *loop, loop_fn fn, void *self);

/* libevent's base, for the libraries that build on it (libs/http, libs/rpc). */
struct event_base *loop_base(struct loop *loop);

#endif
