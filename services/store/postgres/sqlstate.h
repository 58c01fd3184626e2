/*
 * sqlstate: what a failure that PostgreSQL reports means for a batch. The one table of it.
 */
#ifndef SERVICES_STORE_POSTGRES_SQLSTATE_H
#define SERVICES_STORE_POSTGRES_SQLSTATE_H

#include "services/store/ports.h"

/* sqlstate "": no answer from the server (connection lost, timeout). constraint: the one that was
 * broken, or "". Never APPLY_COMMITTED or APPLY_FENCE_MOVED. */
enum apply_result sqlstate_blame(const char *sqlstate, const char *constraint);

#endif
