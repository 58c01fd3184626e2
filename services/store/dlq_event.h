/*
 * dlq_event: a decoded event as lines "name: value" for a person.
 *
 * What people wrote (names, links, settings) is not shown unless it is revealed; control characters
 * in it are escaped then.
 */
#ifndef SERVICES_STORE_DLQ_EVENT_H
#define SERVICES_STORE_DLQ_EVENT_H

#include "libs/base/buf.h"
#include "libs/wire/event.h"

/* False: `out` is too small. An event is at most EVENT_BYTES_MAX, escaped six times as long. */
MUST_CHECK bool dlq_event_put(const struct event *event, bool reveals, struct buf *out);

#endif
