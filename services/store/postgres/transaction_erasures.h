/* transaction_erasures: the part of a transaction that erases people. */
#ifndef SERVICES_STORE_POSTGRES_TRANSACTION_ERASURES_H
#define SERVICES_STORE_POSTGRES_TRANSACTION_ERASURES_H

#include "services/store/postgres/transaction.h"

/* After the facts of the batch are written and before its rows are, outside a pipeline: facts and
 * aliases get the pseudonyms, rows of erased people go. Nothing happens without an erasure. */
MUST_CHECK bool transaction_erase(struct transaction *transaction, struct err *err);

/* In the pipeline of the rows, after the dead letters: their bytes go, tombstones come. */
MUST_CHECK bool transaction_send_tombstones(struct transaction *transaction, struct err *err);

#endif
