/*
 * canceller: sends PQcancel, which blocks, from a thread of its own.
 *
 * At most CANCELLER_QUEUE_MAX wait; more are dropped, and the server's statement_timeout ends those
 * queries. Any thread may send.
 */
#ifndef SERVICES_STORE_POSTGRES_CANCELLER_H
#define SERVICES_STORE_POSTGRES_CANCELLER_H

#include <libpq-fe.h>

#define CANCELLER_QUEUE_MAX 64

struct canceller;

struct canceller *canceller_new(void);
void canceller_send(struct canceller *canceller,
                    PGcancel *cancel); /* takes it over; NULL is fine */
/* Waits two seconds for the one in hand, then leaves the thread to itself; NULL is fine. */
void canceller_free(struct canceller *canceller);

#endif
