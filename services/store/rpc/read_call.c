#include "services/store/rpc/read_call.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/rpc/read_refusals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void read_call_free(struct read_call *call)
{
    position_done(&call->min);
    free(call);
}

void read_call_end(struct read_call *call, enum rpc_status status, const char *message)
{
    rpc_end(call->rpc, status, message);
    read_call_free(call);
}

static void on_cancel(void *arg)
{
    struct read_call *call = arg;
    if (call->ticket != NULL)
        call->service->store.cancel(call->service->store.self, call->ticket);
    if (call->waiter != NULL)
        position_wait_cancel(call->service->wait, call->waiter);
    read_call_end(call, RPC_CANCELLED, NULL);
}

static void fail(struct read_call *call, const struct err *err)
{
    if (now_monotonic_ms() >= call->request.deadline_ms)
        rpc_end(call->rpc, RPC_DEADLINE_EXCEEDED, err->text); /* the server tells of it */
    else
        read_refuse(call->rpc, err->kind == ERR_REJECT ? READ_TOO_MANY_WAIT : READ_UNAVAILABLE,
                    err->text);
    read_call_free(call);
}

static void add_metadata(struct read_call *call, const struct read_answer *answer)
{
    char text[32];
    if (call->has_sent_headers || answer->generation == 0)
        return;
    call->has_sent_headers = true;
    (void)snprintf(text, sizeof(text), "%" PRId32, answer->generation);
    rpc_add_metadata(call->rpc, "telefact-generation", text);

    char *position = mem_text(answer->position.data, answer->position.len);
    rpc_add_metadata(call->rpc, "telefact-position", position);
    free(position);

    int64_t lag_ms = call->service->lag_ms(call->service->lag_self);
    if (lag_ms < 0)
        return;
    (void)snprintf(text, sizeof(text), "%" PRId64, lag_ms);
    rpc_add_metadata(call->rpc, "telefact-lag-ms", text);
}

static void ask_or_wait(struct read_call *call, bool wait);

static void on_answer(void *arg, const struct read_answer *answer, const struct err *err)
{
    struct read_call *call = arg;
    call->ticket = NULL;
    if (answer == NULL) {
        fail(call, err);
        return;
    }
    /* The pointer may have moved to tables that are further back since the wait. */
    if (call->min.count > 0 && answer->generation != 0 &&
        !position_covers(answer->position, &call->min)) {
        ask_or_wait(call, true);
        return;
    }
    add_metadata(call, answer);
    call->answer(call, answer);
}

static void on_applied(void *arg, bool applied, const struct err *err)
{
    struct read_call *call = arg;
    call->waiter = NULL;
    if (applied)
        ask_or_wait(call, false);
    else
        fail(call, err);
}

static void ask_or_wait(struct read_call *call, bool wait)
{
    struct read_service *service = call->service;
    if (wait)
        call->waiter = position_wait_add(service->wait, &call->min, call->request.deadline_ms,
                                         on_applied, call);
    else
        call->ticket = service->store.ask(service->store.self, &call->request, on_answer, call);
}

struct read_call *read_call_new(struct read_service *service, struct rpc_call *rpc,
                                const struct read_request *request, read_answer_fn answer)
{
    struct err err;
    struct position min = {0};
    if (!position_parse(rpc_metadata(rpc, "telefact-min-position"), &min, &err)) {
        (void)err_prefix(&err, "telefact-min-position");
        read_refuse(rpc, READ_INVALID_ARGUMENT, err.text);
        return NULL;
    }
    struct read_call *call = mem_alloc(sizeof(*call));
    call->service = service;
    call->rpc = rpc;
    call->request = *request;
    call->request.deadline_ms = rpc_deadline_ms(rpc);
    call->min = min;
    call->answer = answer;
    rpc_on_cancel(rpc, on_cancel, call);
    return call;
}

void read_call_ask(struct read_call *call)
{
    ask_or_wait(call, call->min.count > 0);
}

void read_call_run(struct read_service *service, struct rpc_call *rpc,
                   const struct read_request *request, read_answer_fn answer)
{
    struct read_call *call = read_call_new(service, rpc, request, answer);
    if (call != NULL)
        read_call_ask(call);
}

static void next_page(void *arg)
{
    ask_or_wait(arg, false);
}

void read_call_next(struct read_call *call)
{
    if (rpc_is_writable(call->rpc))
        next_page(call);
    else
        rpc_on_writable(call->rpc, next_page, call);
}

void read_call_need(struct read_call *call, const struct position *position)
{
    for (size_t i = 0; i < position->count; i++)
        position_raise(&call->min, position->entries[i].partition,
                       position->entries[i].next_offset);
}
