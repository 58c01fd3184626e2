/*
 * key_gate: at most one holder per key, the others wait in the order in which they came.
 *
 * It keeps a chat's events in order: a retry of an update cannot overtake, and be overtaken by,
 * what is still on its way to the log. Tickets are embedded in the caller's structs, so waiting
 * costs no allocation; how long somebody may wait, and how many may, is the caller's decision. One
 * thread.
 */
#ifndef SERVICES_GATEWAY_KEY_GATE_H
#define SERVICES_GATEWAY_KEY_GATE_H

#include "libs/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct key_gate;

enum key_ticket_state { TICKET_OUTSIDE, TICKET_HOLDS, TICKET_WAITS };

/* Zeroed at first; all fields belong to the gate. */
struct key_ticket {
    enum key_ticket_state state;
    int64_t key;
    void (*granted)(void *arg);
    void *arg;
    struct key_ticket *next_holder;   /* holders of the same bucket */
    struct key_ticket *first, *last;  /* of a holder: who waits behind it */
    struct key_ticket *before, *next; /* of a waiter: its neighbours in the queue */
};

/* buckets: a power of two, about as many as there are holders at a time. */
struct key_gate *key_gate_new(size_t buckets);
void key_gate_free(struct key_gate *gate); /* nobody is inside; NULL is fine */

/* True: the ticket holds the key now. False: it waits, and granted(arg) is called when it holds it.
 */
MUST_CHECK bool key_gate_enter(struct key_gate *gate, struct key_ticket *ticket, int64_t key,
                               void (*granted)(void *arg), void *arg);

/* Give the key to the next one (whose `granted` is called from here), or stop waiting. */
void key_gate_leave(struct key_gate *gate, struct key_ticket *ticket);

/* The `arg` of the ticket that waits next behind `ticket` for the same key; NULL: none does. */
void *key_gate_behind(const struct key_ticket *ticket);

/* Tickets that wait right now. */
size_t key_gate_waiting(const struct key_gate *gate);

#endif
