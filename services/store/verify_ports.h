/*
 * verify_ports: what a look at a whole generation finds, check by check.
 *
 * Adapter: postgres/verify. Examples are keys of rows as JSON objects: ids and numbers, never a
 * text, a name or a link of somebody.
 */
#ifndef SERVICES_STORE_VERIFY_PORTS_H
#define SERVICES_STORE_VERIFY_PORTS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define VERIFY_EXAMPLES_MAX 5 /* of one check */

/* What is looked at. */
struct verify_subject {
    int64_t bot_id;
    int generation;
    const char *position; /* everything before it is in the tables; see libs/wire/position.h */
};

/* What one check found. */
struct verify_finding {
    const char *name;
    struct bytes compares; /* in a line what must hold */
    int64_t differences;   /* rows */
    const char *examples[VERIFY_EXAMPLES_MAX];
    size_t example_count;
    int64_t took_ms;
};

/* Told as it goes on; everything lives for the call only. */
struct verify_listener {
    void (*begin)(void *self, const struct verify_subject *subject);
    void (*find)(void *self, const struct verify_finding *finding);
    void *self;
};

#endif
