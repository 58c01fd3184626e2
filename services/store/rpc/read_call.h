/*
 * read_call: one call of the read service from its request to its end.
 *
 * Waits for telefact-min-position if the caller gave one, asks, checks that the answer covers it,
 * adds position, generation and lag as metadata, and hands the answer to the RPC's own function,
 * which ends the call or asks for the next page. A call that is cancelled or late cancels its
 * question. Everything runs on the RPC loop.
 */
#ifndef SERVICES_STORE_RPC_READ_CALL_H
#define SERVICES_STORE_RPC_READ_CALL_H

#include "services/store/rpc/read_service.h"
#include "services/store/time_range.h"

struct read_call;

/* answer lives until the return. */
typedef void (*read_answer_fn)(struct read_call *call, const struct read_answer *answer);

struct read_call {
    struct read_service *service;
    struct rpc_call *rpc;
    struct read_request request; /* what is asked, and asked again for the next page */
    union {                      /* the RPC's own */
        int64_t now_s;
        struct time_range_series series;
    };
    /* read_call's own. At most one of ticket and waiter is open. */
    read_answer_fn answer;
    struct position min; /* empty: none asked for */
    struct read_ticket *ticket;
    struct position_waiter *waiter;
    bool has_sent_headers; /* streams: the first page carries the metadata */
};

/* Begin a call; NULL: it was ended already (a wrong argument). read_call_ask is next. */
struct read_call *read_call_new(struct read_service *service, struct rpc_call *rpc,
                                const struct read_request *request, read_answer_fn answer);
void read_call_ask(struct read_call *call);

/* Both in one. */
void read_call_run(struct read_service *service, struct rpc_call *rpc,
                   const struct read_request *request, read_answer_fn answer);

/* Streams, after a page was sent: ask for the next one as soon as the client takes it. */
void read_call_next(struct read_call *call);

/* Also wait for this position before the first question. */
void read_call_need(struct read_call *call, const struct position *position);

/* The call was answered and ended by itself. */
void read_call_free(struct read_call *call);
void read_call_end(struct read_call *call, enum rpc_status status, const char *message);

#endif
