#include "tests/support/fake_read_store.h"

#include "libs/base/mem.h"

#include <assert.h>
#include <stdlib.h>

static struct read_ticket *ask(void *self, const struct read_request *request, read_fn fn,
                               void *arg)
{
    struct fake_read_store *fake = self;
    struct read_ticket *ticket = mem_alloc(sizeof(*ticket));
    *ticket = (struct read_ticket){.request = *request, .fn = fn, .arg = arg};
    struct read_ticket **end = &fake->open;
    while (*end != NULL)
        end = &(*end)->next;
    *end = ticket;
    fake->asked++;
    return ticket;
}

static void cancel(void *self, struct read_ticket *ticket)
{
    struct fake_read_store *fake = self;
    struct read_ticket **link = &fake->open;
    while (*link != ticket) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = ticket->next;
    free(ticket);
    fake->cancelled++;
}

struct read_store fake_read_store_port(struct fake_read_store *fake)
{
    return (struct read_store){.ask = ask, .cancel = cancel, .self = fake};
}

void fake_read_store_answer(struct fake_read_store *fake, const struct read_answer *answer,
                            const struct err *err)
{
    struct read_ticket *ticket = fake->open;
    assert(ticket != NULL);
    fake->open = ticket->next;
    struct read_ticket copy = *ticket;
    free(ticket);
    copy.fn(copy.arg, answer, err);
}
