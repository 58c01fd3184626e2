/* statistics_messages: answers about all of the bot as protobuf messages. Texts are copied; the
 * message is sent and its memory freed at once. */
#ifndef SERVICES_STORE_RPC_STATISTICS_MESSAGES_H
#define SERVICES_STORE_RPC_STATISTICS_MESSAGES_H

#include "libs/rpc/server.h"
#include "services/store/time_range.h"

/* Each ends the call with OK. */
void statistics_messages_referrals(struct rpc_call *call, const struct read_text_counts *referrals);
void statistics_messages_overview(struct rpc_call *call, const struct read_answer *answer);
void statistics_messages_totals(struct rpc_call *call, const struct read_totals *totals);
void statistics_messages_series(struct rpc_call *call, const struct time_range_series *series,
                                const struct read_answer *answer);

#endif
