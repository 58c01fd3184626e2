/* event_json: an event's kind, subject, times and payload as the JSON that fixtures hold. */
#ifndef TESTS_SUPPORT_EVENT_JSON_H
#define TESTS_SUPPORT_EVENT_JSON_H

#include "libs/wire/event.h"

#include <yyjson.h>

/* Absent members are left out, present ones are there even when empty. */
yyjson_mut_val *event_json_payload(yyjson_mut_doc *document, const struct event *event);

#endif
