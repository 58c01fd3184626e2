/*
 * deadlines: things that all have the same time, in the order in which it ends.
 *
 * One list a kind of deadline: with one length, appending keeps the order, so setting, lifting and
 * finding the expired ones are a few instructions each. Pure; not thread-safe.
 */
#ifndef LIBS_HTTP_DEADLINES_H
#define LIBS_HTTP_DEADLINES_H

#include <stdint.h>

struct deadlines;

/* Embedded in its owner; in at most one list at a time. Zeroed: in none. */
struct deadline {
    struct deadlines *list;
    struct deadline *previous;
    struct deadline *next;
    void *owner;
    int64_t at_ms;
};

struct deadlines {
    struct deadline *first;
    struct deadline *last;
    int64_t length_ms; /* INT64_MAX: they never end */
};

/* Move `deadline` to the end of `list`. */
void deadlines_set(struct deadlines *list, struct deadline *deadline, int64_t now_ms);

/* Out of its list, if it is in one. */
void deadlines_lift(struct deadline *deadline);

/* The owner of the first one that is over, or NULL. It stays in the list. */
void *deadlines_expired(const struct deadlines *list, int64_t now_ms);

#endif
