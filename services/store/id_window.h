/*
 * id_window: the ids of the last events that were taken.
 *
 * Removes nearly all duplicates before they cost a round trip; the database decides about the rest.
 * Ids count from the moment they are taken, so every recovery must reset the window. An id counts
 * by the table of its event kind: the same bytes in two tables are two ids there too. Remembers at
 * least `span` of the last ids and at most twice as many. Not thread-safe.
 */
#ifndef SERVICES_STORE_ID_WINDOW_H
#define SERVICES_STORE_ID_WINDOW_H

#include "libs/wire/event.h"

struct id_window;

struct id_window *id_window_new(size_t span);
/* True: it is new, and remembered now. */
bool id_window_put(struct id_window *window, const struct event *event);
void id_window_reset(struct id_window *window);
void id_window_free(struct id_window *window); /* NULL is fine */

#endif
