/* transaction_rows: what follows the facts: rows, totals, dead letters, COMMIT. */
#ifndef SERVICES_STORE_POSTGRES_TRANSACTION_ROWS_H
#define SERVICES_STORE_POSTGRES_TRANSACTION_ROWS_H

#include "services/store/postgres/transaction.h"

/* Write what the fold changed and commit. */
MUST_CHECK bool transaction_finish(struct transaction *transaction, struct err *err);

/* Of a batch that leaves the transaction open: its dead letters, which no fold keeps. */
MUST_CHECK bool transaction_set_aside(struct transaction *transaction, struct err *err);

#endif
