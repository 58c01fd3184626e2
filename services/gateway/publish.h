/*
 * publish: batches of checked events that other programs hand over, answered when every event has
 * its result.
 *
 * One thread.
 */
#ifndef SERVICES_GATEWAY_PUBLISH_H
#define SERVICES_GATEWAY_PUBLISH_H

#include "services/gateway/outbox.h"

struct publish;

struct publish *publish_new(struct outbox *outbox); /* `outbox` is borrowed */
void publish_free(struct publish *publish);         /* nothing is in flight; NULL is fine */

struct event_intake publish_port(struct publish *publish);

/* Register the metrics of published events; once at start. */
void publish_add_metrics(void);

#endif
