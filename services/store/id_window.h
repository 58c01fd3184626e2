/*
 * id_window: the ids of recently committed events, and of the batch in hand.
 *
 * Removes nearly all duplicates before they cost a round trip; the database decides about the rest.
 * An id counts by event kind's table: the same bytes in two tables are two ids there too. Remembers
 * at least `span` of the last ids and at most twice as many. Not thread-safe.
 */
#ifndef SERVICES_STORE_ID_WINDOW_H
#define SERVICES_STORE_ID_WINDOW_H

#include "libs/wire/event.h"

struct id_window;

struct id_window *id_window_new(size_t span);
/* True: it is new, and remembered now. */
bool id_window_put(struct id_window *window, const struct event *event);
bool id_window_has(const struct id_window *window, const struct event *event);
void id_window_reset(struct id_window *window);
void id_window_free(struct id_window *window); /* NULL is fine */

#endif
