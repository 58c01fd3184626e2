/*
 * transaction_stats: the statistics that a batch changes, as the last rows of its transaction.
 *
 * What writers share (referral links) comes last of all and in order, so that their transactions
 * wait for each other shortly and never in a circle.
 */
#ifndef SERVICES_STORE_POSTGRES_TRANSACTION_STATS_H
#define SERVICES_STORE_POSTGRES_TRANSACTION_STATS_H

#include "services/store/postgres/transaction.h"

/* Into the open pipeline. */
MUST_CHECK bool transaction_send_stats(struct transaction *transaction, struct err *err);

#endif
