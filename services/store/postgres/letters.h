/* letters: what is done about dead letters beside writing them, over a session. */
#ifndef SERVICES_STORE_POSTGRES_LETTERS_H
#define SERVICES_STORE_POSTGRES_LETTERS_H

#include "services/store/ports.h"

struct session;

/* As projection_store.tend_letters. */
MUST_CHECK bool letters_tend(struct session *session, int64_t expire_before_ms,
                             struct letter_census *out, struct err *err);

#endif
