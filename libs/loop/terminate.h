/* terminate: what loop_on_terminate installs. At most one of a process at a time. */
#ifndef LIBS_LOOP_TERMINATE_H
#define LIBS_LOOP_TERMINATE_H

#include "libs/loop/loop.h"

struct terminate;

/* From now on the first SIGTERM, SIGINT or SIGHUP (unless that was ignored) calls fn(self) on the
 * loop's thread and the next one ends the process. */
struct terminate *terminate_new(struct loop *loop, loop_fn fn, void *self);
void terminate_free(struct terminate *terminate); /* the signals act as before; NULL is fine */

#endif
