/*
 * admin: the listener for operators and Kubernetes: /livez, /readyz, /startupz, /metrics, and what
 * else the service gives to admin_serve.
 *
 * /livez answers 200 as long as every watched loop goes round (it asks nothing of Kafka or
 * PostgreSQL: their outage must not become a restart storm). /readyz and /startupz answer 200 when
 * all their checks hold, else 503; `?verbose` lists them. After admin_drain /readyz is 503.
 * /metrics is Prometheus' text, or OpenMetrics for whom prefers it. Runs on its loop's thread;
 * checks are called there.
 */
#ifndef LIBS_OPS_ADMIN_H
#define LIBS_OPS_ADMIN_H

#include "libs/base/err.h"
#include "libs/http/server.h"
#include "libs/loop/loop.h"

#include <stddef.h>

struct admin;

enum admin_probe { ADMIN_READY, ADMIN_STARTED, ADMIN_LIVE };

struct admin_check {
    const char *name; /* "kafka" */
    enum admin_probe probe;
    /* True: it holds. On false say why in *err (shown by ?verbose, so no secret in it). */
    bool (*holds)(void *self, struct err *err);
    void *self;
};

void admin_add_metrics(void); /* once, before threads start */

/* checks are borrowed and must outlive the admin. ERR_FATAL: the address cannot be used. */
MUST_CHECK bool admin_open(struct loop *loop, const char *listen, const struct admin_check *checks,
                           size_t count, struct admin **out, struct err *err);
/* Show each request that is none of the above to fn first. True: fn answers it, now or later, once;
 * false: it is 404. */
typedef bool (*admin_serve_fn)(void *self, struct http_exchange *exchange);
void admin_serve(struct admin *admin, admin_serve_fn fn, void *self);

void admin_drain(struct admin *admin);
void admin_free(struct admin *admin); /* NULL is fine */
int admin_port(const struct admin *admin);

/* A `holds` for ADMIN_LIVE whose self is a struct loop: it went round in the last 10 seconds. */
MUST_CHECK bool admin_loop_holds(void *loop, struct err *err);

#endif
