/*
 * http_refusals: what an HTTP listener refuses, told with the same codes by every listener.
 *
 * Each listener has a static table, which it adds before threads start; telling is for one thread.
 */
#ifndef LIBS_OPS_HTTP_REFUSALS_H
#define LIBS_OPS_HTTP_REFUSALS_H

#include "libs/ops/refusals.h"

#define HTTP_REFUSALS 10 /* codes */

struct http_refusals { /* zeroed at first */
    struct refusal rows[HTTP_REFUSALS];
};

/* `msg` stands in the line of a refused request. */
void http_refusals_add(struct http_refusals *refusals, const char *where, const char *msg);

/* A request was answered with this status: one that http_server refuses with, 404 or 405; 0: its
 * answer was not taken in time. */
void http_refusals_tell(struct http_refusals *refusals, int status);

#endif
