#include "services/store/postgres/canceller.h"

#include "libs/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define LAST_S 2 /* for the one in hand, when closing */

struct canceller {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    PGcancel *queue[CANCELLER_QUEUE_MAX];
    size_t first;
    size_t count;
    bool is_closing;
    bool is_done;   /* the thread has ended, or is about to */
    bool is_orphan; /* nobody waits for it: it clears up itself */
};

/* NULL: closing and nothing left. */
static PGcancel *take(struct canceller *canceller)
{
    PGcancel *cancel = NULL;
    (void)pthread_mutex_lock(&canceller->lock);
    while (canceller->count == 0 && !canceller->is_closing)
        (void)pthread_cond_wait(&canceller->changed, &canceller->lock);
    if (canceller->count > 0 && !canceller->is_closing) {
        cancel = canceller->queue[canceller->first];
        canceller->first = (canceller->first + 1) % CANCELLER_QUEUE_MAX;
        canceller->count--;
    }
    (void)pthread_mutex_unlock(&canceller->lock);
    return cancel;
}

static void destroy(struct canceller *canceller)
{
    for (size_t i = 0; i < canceller->count; i++)
        PQfreeCancel(canceller->queue[(canceller->first + i) % CANCELLER_QUEUE_MAX]);
    (void)pthread_cond_destroy(&canceller->changed);
    (void)pthread_mutex_destroy(&canceller->lock);
    free(canceller);
}

static void *run(void *arg)
{
    struct canceller *canceller = arg;
    PGcancel *cancel;
    while ((cancel = take(canceller)) != NULL) {
        char error[256];
        (void)PQcancel(cancel, error, sizeof(error)); /* a failure leaves it to statement_timeout */
        PQfreeCancel(cancel);
    }
    (void)pthread_mutex_lock(&canceller->lock);
    canceller->is_done = true;
    bool is_orphan = canceller->is_orphan;
    (void)pthread_cond_signal(&canceller->changed);
    (void)pthread_mutex_unlock(&canceller->lock);
    if (is_orphan)
        destroy(canceller);
    return NULL;
}

struct canceller *canceller_new(void)
{
    struct canceller *canceller = mem_alloc(sizeof(*canceller));
    pthread_condattr_t monotonic; /* a wall clock that jumps back would make an end last as long */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&canceller->lock, NULL);
    (void)pthread_cond_init(&canceller->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&canceller->thread, NULL, run, canceller) != 0)
        mem_exhausted();
    return canceller;
}

void canceller_send(struct canceller *canceller, PGcancel *cancel)
{
    if (cancel == NULL)
        return;
    (void)pthread_mutex_lock(&canceller->lock);
    bool fits = canceller->count < CANCELLER_QUEUE_MAX;
    if (fits) {
        canceller->queue[(canceller->first + canceller->count) % CANCELLER_QUEUE_MAX] = cancel;
        canceller->count++;
        (void)pthread_cond_signal(&canceller->changed);
    }
    (void)pthread_mutex_unlock(&canceller->lock);
    if (!fits)
        PQfreeCancel(cancel);
}

/* A server that takes connections and never answers holds PQcancel for ever; the process must be
 * able to end all the same. */
static bool wait_done(struct canceller *canceller)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LAST_S;
    int status = 0;
    while (!canceller->is_done && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&canceller->changed, &canceller->lock, &until);
    return canceller->is_done;
}

void canceller_free(struct canceller *canceller)
{
    if (canceller == NULL)
        return;
    pthread_t thread = canceller->thread;
    (void)pthread_mutex_lock(&canceller->lock);
    canceller->is_closing = true;
    (void)pthread_cond_signal(&canceller->changed);
    bool is_done = wait_done(canceller);
    canceller->is_orphan = !is_done;
    (void)pthread_mutex_unlock(&canceller->lock);
    if (!is_done) {
        (void)pthread_detach(thread);
        return;
    }
    (void)pthread_join(thread, NULL);
    destroy(canceller);
}
