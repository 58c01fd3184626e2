#include "services/gateway/key_gate.h"

#include "libs/base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct key_gate {
    struct key_ticket **buckets;
    size_t mask;
    size_t waiting;
    size_t holders;
};

/* Chat ids differ in their low bits only, or in none of them (supergroups): mix all bits. */
static uint64_t mix(int64_t key)
{
    uint64_t x = (uint64_t)key;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* The link that points to the key's holder, or the end of its bucket. */
static struct key_ticket **find_holder(struct key_gate *gate, int64_t key)
{
    struct key_ticket **link = &gate->buckets[mix(key) & gate->mask];
    while (*link != NULL && (*link)->key != key)
        link = &(*link)->next_holder;
    return link;
}

static void append_waiter(struct key_ticket *holder, struct key_ticket *ticket)
{
    ticket->state = TICKET_WAITS;
    ticket->before = holder->last;
    ticket->next = NULL;
    if (holder->last == NULL)
        holder->first = ticket;
    else
        holder->last->next = ticket;
    holder->last = ticket;
}

static void remove_waiter(struct key_ticket *holder, struct key_ticket *ticket)
{
    if (ticket->before == NULL)
        holder->first = ticket->next;
    else
        ticket->before->next = ticket->next;
    if (ticket->next == NULL)
        holder->last = ticket->before;
    else
        ticket->next->before = ticket->before;
}

struct key_gate *key_gate_new(size_t buckets)
{
    assert(buckets > 0 && (buckets & (buckets - 1)) == 0);
    struct key_gate *gate = mem_alloc(sizeof(*gate));
    gate->buckets = mem_array(buckets, sizeof(struct key_ticket *));
    gate->mask = buckets - 1;
    return gate;
}

void key_gate_free(struct key_gate *gate)
{
    if (gate == NULL)
        return;
    assert(gate->holders == 0);
    free(gate->buckets);
    free(gate);
}

bool key_gate_enter(struct key_gate *gate, struct key_ticket *ticket, int64_t key,
                    void (*granted)(void *arg), void *arg)
{
    assert(ticket->state == TICKET_OUTSIDE);
    *ticket = (struct key_ticket){.key = key, .granted = granted, .arg = arg};
    struct key_ticket **link = find_holder(gate, key);
    if (*link != NULL) {
        append_waiter(*link, ticket);
        gate->waiting++;
        return false;
    }
    ticket->state = TICKET_HOLDS;
    *link = ticket;
    gate->holders++;
    return true;
}

/* The first waiter takes the holder's place in the bucket and the queue behind it. */
static void hand_over(struct key_gate *gate, struct key_ticket **link)
{
    struct key_ticket *old = *link;
    struct key_ticket *heir = old->first;
    if (heir == NULL) {
        *link = old->next_holder;
        gate->holders--;
        return;
    }
    heir->state = TICKET_HOLDS;
    heir->next_holder = old->next_holder;
    heir->first = heir->next;
    heir->last = heir->first == NULL ? NULL : old->last;
    if (heir->first != NULL)
        heir->first->before = NULL;
    *link = heir;
    gate->waiting--;
    heir->granted(heir->arg);
}

void key_gate_leave(struct key_gate *gate, struct key_ticket *ticket)
{
    struct key_ticket **link = find_holder(gate, ticket->key);
    enum key_ticket_state state = ticket->state;
    ticket->state = TICKET_OUTSIDE;
    if (state == TICKET_WAITS) {
        assert(*link != NULL);
        remove_waiter(*link, ticket);
        gate->waiting--;
    } else if (state == TICKET_HOLDS) {
        assert(*link == ticket);
        hand_over(gate, link);
    }
}

void *key_gate_behind(const struct key_ticket *ticket)
{
    const struct key_ticket *behind = ticket->state == TICKET_HOLDS ? ticket->first : ticket->next;
    return ticket->state == TICKET_OUTSIDE || behind == NULL ? NULL : behind->arg;
}

size_t key_gate_waiting(const struct key_gate *gate)
{
    return gate->waiting;
}
