/* fake_read_store: a read_store whose answers a test gives by hand, in order of asking. */
#ifndef TESTS_SUPPORT_FAKE_READ_STORE_H
#define TESTS_SUPPORT_FAKE_READ_STORE_H

#include "services/store/read_ports.h"

struct read_ticket {
    struct read_ticket *next;
    struct read_request request;
    read_fn fn;
    void *arg;
};

struct fake_read_store {
    struct read_ticket *open; /* oldest first */
    size_t asked;
    size_t cancelled;
};

struct read_store fake_read_store_port(struct fake_read_store *fake);

/* Answer the oldest open question; answer NULL: it fails with err. */
void fake_read_store_answer(struct fake_read_store *fake, const struct read_answer *answer,
                            const struct err *err);

#endif
