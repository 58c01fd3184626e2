#include "services/store/position_wait.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <stdlib.h>

#define POLL_MS 5
#define ASK_DEADLINE_MS 1000

struct position_waiter {
    struct position_waiter *next;
    struct position want; /* a copy */
    int64_t deadline_ms;
    position_wait_fn fn;
    void *arg;
};

struct position_wait {
    struct loop_timer *timer;
    struct read_store store;
    struct read_ticket *question; /* NULL: none in flight */
    struct position_waiter *waiters;
    size_t count;
    size_t max;
};

static const struct err LATE = {ERR_RETRY, "the position was not applied within the deadline"};
static const struct err TOO_MANY = {ERR_REJECT, "too many callers wait for a position"};

bool position_covers(struct bytes have, const struct position *want)
{
    struct position now = {0};
    struct err ignored;
    if (!position_parse(have, &now, &ignored))
        return false;
    size_t at = 0;
    bool covered = true;
    for (size_t i = 0; i < want->count && covered; i++) {
        while (at < now.count && now.entries[at].partition < want->entries[i].partition)
            at++;
        bool known = at < now.count && now.entries[at].partition == want->entries[i].partition;
        int64_t applied = known ? now.entries[at].next_offset : 0;
        covered = applied >= want->entries[i].next_offset;
    }
    position_done(&now);
    return covered;
}

static void waiter_end(struct position_wait *wait, struct position_waiter **link, bool applied,
                       const struct err *err)
{
    struct position_waiter *waiter = *link;
    *link = waiter->next;
    wait->count--;
    position_wait_fn fn = waiter->fn;
    void *arg = waiter->arg;
    position_done(&waiter->want);
    free(waiter);
    fn(arg, applied, err);
}

/* A callback may add or cancel waiters, so every end starts again from the head. */
static bool end_one(struct position_wait *wait, struct bytes have, int64_t now_ms)
{
    for (struct position_waiter **link = &wait->waiters; *link != NULL; link = &(*link)->next) {
        if (wait->count > wait->max) {
            waiter_end(wait, link, false, &TOO_MANY);
            return true;
        }
        if (have.data != NULL && position_covers(have, &(*link)->want)) {
            waiter_end(wait, link, true, NULL);
            return true;
        }
        if (now_ms >= (*link)->deadline_ms) {
            waiter_end(wait, link, false, &LATE);
            return true;
        }
    }
    return false;
}

static void end_due(struct position_wait *wait, struct bytes have)
{
    int64_t now_ms = now_monotonic_ms();
    while (end_one(wait, have, now_ms))
        continue;
    if (wait->waiters != NULL && wait->question == NULL)
        loop_timer_arm(wait->timer, POLL_MS);
}

static void on_fences(void *arg, const struct read_answer *answer, const struct err *err)
{
    (void)err; /* an unwell database is waited out: the deadlines bound it */
    struct position_wait *wait = arg;
    wait->question = NULL;
    end_due(wait, answer != NULL ? answer->position : (struct bytes){0});
}

static void on_timer(void *arg)
{
    struct position_wait *wait = arg;
    end_due(wait, (struct bytes){0});
    if (wait->waiters == NULL || wait->question != NULL)
        return;
    struct read_request request = {.kind = READ_FENCES,
                                   .deadline_ms = now_monotonic_ms() + ASK_DEADLINE_MS};
    loop_timer_disarm(wait->timer);
    wait->question = wait->store.ask(wait->store.self, &request, on_fences, wait);
}

struct position_wait *position_wait_new(struct loop *loop, struct read_store store,
                                        size_t max_waiters)
{
    struct position_wait *wait = mem_alloc(sizeof(*wait));
    wait->timer = loop_timer_new(loop, on_timer, wait);
    wait->store = store;
    wait->max = max_waiters;
    return wait;
}

void position_wait_free(struct position_wait *wait)
{
    if (wait == NULL)
        return;
    if (wait->question != NULL)
        wait->store.cancel(wait->store.self, wait->question);
    loop_timer_free(wait->timer);
    free(wait);
}

struct position_waiter *position_wait_add(struct position_wait *wait,
                                          const struct position *position, int64_t deadline_ms,
                                          position_wait_fn fn, void *arg)
{
    struct position_waiter *waiter = mem_alloc(sizeof(*waiter));
    for (size_t i = 0; i < position->count; i++)
        position_raise(&waiter->want, position->entries[i].partition,
                       position->entries[i].next_offset);
    waiter->deadline_ms = deadline_ms;
    waiter->fn = fn;
    waiter->arg = arg;
    waiter->next = wait->waiters;
    wait->waiters = waiter;
    wait->count++;
    if (wait->question == NULL)
        loop_timer_arm(wait->timer, 0); /* not from inside this call, but at once */
    return waiter;
}

void position_wait_cancel(struct position_wait *wait, struct position_waiter *waiter)
{
    struct position_waiter **link = &wait->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    wait->count--;
    position_done(&waiter->want);
    free(waiter);
}
