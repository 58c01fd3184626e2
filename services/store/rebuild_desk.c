#include "services/store/rebuild_desk.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_S 10 /* without an order, before the connection to the database is given up */

struct rebuild_ticket {
    struct rebuild_order order;
    struct rebuild_answer answer;
    rebuild_answer_fn fn;
    void *arg;
    bool is_abandoned; /* of the loop's thread */
    struct rebuild_ticket *next;
};

struct tickets { /* first in, first out */
    struct rebuild_ticket *first;
    struct rebuild_ticket **end; /* where the next one is linked */
};

struct rebuild_desk {
    struct loop *loop;
    struct generation_store store;
    struct log_watch log;
    int open_count; /* of the loop's thread */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    struct tickets waiting, done;
    bool is_closing;
};

static void init_tickets(struct tickets *tickets)
{
    *tickets = (struct tickets){.end = &tickets->first};
}

static void append(struct tickets *tickets, struct rebuild_ticket *ticket)
{
    ticket->next = NULL;
    *tickets->end = ticket;
    tickets->end = &ticket->next;
}

/* NULL: there is none. */
static struct rebuild_ticket *take_first(struct tickets *tickets)
{
    struct rebuild_ticket *ticket = tickets->first;
    if (ticket == NULL)
        return NULL;
    tickets->first = ticket->next;
    if (tickets->first == NULL)
        tickets->end = &tickets->first;
    return ticket;
}

/* True: it was among them. */
static bool take_out(struct tickets *tickets, const struct rebuild_ticket *ticket)
{
    struct rebuild_ticket **link = &tickets->first;
    while (*link != NULL && *link != ticket)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    if (tickets->end == &(*link)->next)
        tickets->end = link;
    *link = (*link)->next;
    return true;
}

static void free_ticket(struct rebuild_ticket *ticket)
{
    rebuild_order_done(&ticket->order);
    rebuild_answer_done(&ticket->answer);
    free(ticket);
}

/* ---- the thread ---- */

/* NULL: closing, or idle for long. */
static struct rebuild_ticket *take(struct rebuild_desk *desk, bool *out_closing)
{
    struct timespec until;
    int status = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    (void)pthread_mutex_lock(&desk->lock);
    while (desk->waiting.first == NULL && !desk->is_closing && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&desk->changed, &desk->lock, &until);
    *out_closing = desk->is_closing;
    struct rebuild_ticket *ticket = desk->is_closing ? NULL : take_first(&desk->waiting);
    (void)pthread_mutex_unlock(&desk->lock);
    return ticket;
}

/* What was ordered has come about, or not, and there is nobody left to be told. */
static void tell(const struct rebuild_ticket *ticket)
{
    const struct rebuild_answer *answer = &ticket->answer;
    if (ticket->order.action != REPLAY_LIST && ticket->order.action != REPLAY_STATUS)
        log_info("rebuild order ended, and its caller was gone",
                 LOG_INT("generation", answer->generation),
                 LOG_TEXT("error", answer->outcome == REBUILD_DONE ? "none" : answer->text));
}

/* On the loop's thread, once for each that is done. */
static void on_done(void *self)
{
    struct rebuild_desk *desk = self;
    (void)pthread_mutex_lock(&desk->lock);
    struct rebuild_ticket *ticket = take_first(&desk->done);
    (void)pthread_mutex_unlock(&desk->lock);
    desk->open_count--;
    if (ticket->is_abandoned)
        tell(ticket);
    else
        ticket->fn(ticket->arg, &ticket->answer);
    free_ticket(ticket);
}

static void *run(void *self)
{
    struct rebuild_desk *desk = self;
    bool is_closing = false;
    while (!is_closing) {
        struct rebuild_ticket *ticket = take(desk, &is_closing);
        if (ticket == NULL) {
            desk->store.close(desk->store.self);
            continue;
        }
        rebuild_order_do(&ticket->order, &desk->store, &desk->log, &ticket->answer);
        (void)pthread_mutex_lock(&desk->lock);
        append(&desk->done, ticket);
        (void)pthread_mutex_unlock(&desk->lock);
        loop_post(desk->loop, on_done, desk);
    }
    return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct rebuild_desk *desk)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&desk->thread, NULL, run, desk);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

/* ---- construction ---- */

static void init_lock(struct rebuild_desk *desk)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&desk->lock, NULL);
    (void)pthread_cond_init(&desk->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static void destroy(struct rebuild_desk *desk)
{
    (void)pthread_cond_destroy(&desk->changed);
    (void)pthread_mutex_destroy(&desk->lock);
    free(desk);
}

bool rebuild_desk_open(struct loop *loop, const struct generation_store *store,
                       const struct log_watch *log, struct rebuild_desk **out, struct err *err)
{
    struct rebuild_desk *desk = mem_alloc(sizeof(*desk));
    desk->loop = loop;
    desk->store = *store;
    desk->log = *log;
    init_tickets(&desk->waiting);
    init_tickets(&desk->done);
    init_lock(desk);
    if (!start_thread(desk)) {
        destroy(desk);
        return err_set(err, ERR_FATAL, "cannot start a thread");
    }
    *out = desk;
    return true;
}

struct rebuild_ticket *rebuild_desk_put(struct rebuild_desk *desk, struct rebuild_order *order,
                                        rebuild_answer_fn fn, void *arg)
{
    if (desk->open_count >= REBUILD_ORDERS_MAX) {
        rebuild_order_done(order);
        return NULL;
    }
    struct rebuild_ticket *ticket = mem_alloc(sizeof(*ticket));
    ticket->order = *order;
    ticket->fn = fn;
    ticket->arg = arg;
    desk->open_count++;
    (void)pthread_mutex_lock(&desk->lock);
    append(&desk->waiting, ticket);
    (void)pthread_cond_signal(&desk->changed);
    (void)pthread_mutex_unlock(&desk->lock);
    return ticket;
}

void rebuild_desk_cancel(struct rebuild_desk *desk, struct rebuild_ticket *ticket)
{
    (void)pthread_mutex_lock(&desk->lock);
    bool is_waiting = take_out(&desk->waiting, ticket);
    (void)pthread_mutex_unlock(&desk->lock);
    ticket->is_abandoned = true;
    if (!is_waiting)
        return;
    desk->open_count--;
    free_ticket(ticket);
}

bool rebuild_desk_is_idle(const struct rebuild_desk *desk)
{
    return desk->open_count == 0;
}

void rebuild_desk_free(struct rebuild_desk *desk)
{
    if (desk == NULL)
        return;
    (void)pthread_mutex_lock(&desk->lock);
    desk->is_closing = true;
    (void)pthread_cond_signal(&desk->changed);
    (void)pthread_mutex_unlock(&desk->lock);
    (void)pthread_join(desk->thread, NULL);
    struct rebuild_ticket *ticket = NULL;
    while ((ticket = take_first(&desk->waiting)) != NULL ||
           (ticket = take_first(&desk->done)) != NULL)
        free_ticket(ticket);
    destroy(desk);
}
