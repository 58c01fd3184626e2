#include "services/store/rpc/admin_watch.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/rpc/admin_messages.h"
#include "services/store/rpc/admin_refusals.h"

#include <stdlib.h>

#define PAUSE_MS 1000

struct admin_watch {
    struct admin_service *service;
    struct rpc_call *rpc;
    struct loop_timer *timer;
    struct rebuild_ticket *ticket; /* NULL: no look is under way */
    int generation;                /* 0: not known yet */
    struct replay_speed speed;
    struct admin_watch *next;
    struct admin_watch **link; /* what points here */
};

/* The call was ended, or is about to be. */
static void free_watch(struct admin_watch *watch)
{
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    watch->service->watch_count--;
    if (watch->ticket != NULL)
        rebuild_desk_cancel(watch->service->desk, watch->ticket);
    loop_timer_free(watch->timer);
    free(watch);
}

static void end(struct admin_watch *watch, enum rpc_status status, const char *message)
{
    struct rpc_call *rpc = watch->rpc;
    free_watch(watch);
    rpc_end(rpc, status, message);
}

static void on_cancel(void *self)
{
    end(self, RPC_CANCELLED, NULL);
}

static void refuse(struct admin_watch *watch, const struct rebuild_answer *answer)
{
    struct rpc_call *rpc = watch->rpc;
    free_watch(watch);
    admin_refuse_answer(rpc, answer);
}

static void rest(void *self)
{
    struct admin_watch *watch = self;
    loop_timer_arm(watch->timer, PAUSE_MS);
}

static void tell(struct admin_watch *watch, const struct rebuild_answer *answer)
{
    Telefact__Store__V1__RebuildProgress progress;
    Telefact__Store__V1__WatchRebuildResponse message =
        TELEFACT__STORE__V1__WATCH_REBUILD_RESPONSE__INIT;
    struct replay_view view = answer->view;
    replay_speed_add(&watch->speed, &view, now_monotonic_ms());
    admin_messages_progress(answer->generation, &view, &watch->speed, &progress);
    message.progress = &progress;
    rpc_send(watch->rpc, &message.base);
}

static void on_look(void *self, const struct rebuild_answer *answer)
{
    struct admin_watch *watch = self;
    watch->ticket = NULL;
    if (answer->outcome != REBUILD_DONE) {
        refuse(watch, answer);
        return;
    }
    watch->generation = answer->generation;
    tell(watch, answer);
    if (answer->is_over)
        end(watch, RPC_OK, NULL);
    else if (rpc_is_writable(watch->rpc))
        rest(watch);
    else
        rpc_on_writable(watch->rpc, rest, watch);
}

static void look(void *self)
{
    struct admin_watch *watch = self;
    struct rebuild_order order = {.action = REPLAY_STATUS, .generation = watch->generation};
    watch->ticket = rebuild_desk_put(watch->service->desk, &order, on_look, watch);
    if (watch->ticket == NULL) /* others are many; this one waits */
        rest(watch);
}

void admin_watch_begin(struct admin_service *service, struct rpc_call *rpc, int generation)
{
    if (service->is_draining) {
        rpc_end(rpc, RPC_UNAVAILABLE, "shutting down");
        return;
    }
    if (service->watch_count >= ADMIN_WATCHES_MAX) {
        admin_refuse(rpc, ADMIN_TOO_MANY, "too many watches");
        return;
    }
    struct admin_watch *watch = mem_alloc(sizeof(*watch));
    watch->service = service;
    watch->rpc = rpc;
    watch->generation = generation;
    watch->timer = loop_timer_new(service->loop, look, watch);
    watch->next = service->watches;
    watch->link = &service->watches;
    if (watch->next != NULL)
        watch->next->link = &watch->next;
    service->watches = watch;
    service->watch_count++;
    rpc_on_cancel(rpc, on_cancel, watch);
    look(watch);
}

void admin_watch_end_all(struct admin_service *service)
{
    struct admin_watch *next = NULL;
    for (struct admin_watch *watch = service->watches; watch != NULL; watch = next) {
        next = watch->next;
        end(watch, RPC_UNAVAILABLE, "shutting down");
    }
}
