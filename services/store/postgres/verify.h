/*
 * verify: do the tables of a generation hold what they must, by themselves and among each other?
 *
 * Every file of checks/ is a check: its name, in its first line what must hold, and a statement
 * whose rows are the keys of what differs. All run in one READ ONLY, REPEATABLE READ transaction,
 * one after the other, over one connection: writers go on, and what they write meanwhile is not
 * seen. A check scans tables; memory is bounded here and, by work_mem, in the server.
 */
#ifndef SERVICES_STORE_POSTGRES_VERIFY_H
#define SERVICES_STORE_POSTGRES_VERIFY_H

#include "services/store/postgres/session_options.h"
#include "services/store/verify_ports.h"

struct verify_target {
    int64_t bot_id;
    int generation; /* 0: the active one */
};

/* True: every check ran, whatever it found. ERR_FATAL: not such a database or generation.
 * ERR_RETRY: the database is unwell, or a check took longer than the session allows. */
MUST_CHECK bool verify_database(const struct session_options *options,
                                const struct verify_target *target,
                                const struct verify_listener *listener, struct err *err);

#endif
