#include "libs/loop/loop.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/loop/terminate.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 500
#define POSTS_CAPACITY_FIRST 64

struct post {
    loop_fn fn;
    void *self;
};

struct posts {
    struct post *items;
    size_t count;
    size_t capacity;
};

struct loop {
    struct event_base *base;
    struct event *wake_event;
    struct event *tick_event;
    int wake_fd; /* written by other threads, so the base needs no locks */
    _Atomic bool is_stopping;
    _Atomic int64_t last_tick_ms;
    pthread_mutex_t lock; /* guards posts */
    struct posts posts;   /* to run on the next round */
    struct posts running; /* the array that the last round ran, kept to be swapped in */
    struct terminate *terminate;
};

struct loop_timer {
    struct event *event;
    loop_fn fn;
    void *self;
};

struct loop_watch {
    struct event *event; /* NULL: paused */
    struct event_base *base;
    int fd;
    bool wants_read;
    bool wants_write;
    loop_watch_fn fn;
    void *self;
};

static void *must(void *p)
{
    if (p == NULL)
        mem_exhausted();
    return p;
}

static void must_add(struct event *event, const struct timeval *delay)
{
    if (event_add(event, delay) != 0)
        mem_exhausted(); /* the kernel's limits of watches and memory are the only reasons */
}

static struct timeval timeval_of(int64_t ms)
{
    int64_t delay = ms < 0 ? 0 : ms;
    return (struct timeval){.tv_sec = (time_t)(delay / 1000),
                            .tv_usec = (suseconds_t)(delay % 1000 * 1000)};
}

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    ssize_t done = write(loop->wake_fd, &one, sizeof(one));
    (void)done; /* fails only when the counter is full, and then the loop is awake */
}

static void run_posts(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    struct posts todo = loop->posts;
    loop->posts = loop->running;
    loop->posts.count = 0;
    loop->running = todo;
    (void)pthread_mutex_unlock(&loop->lock);

    for (size_t i = 0; i < todo.count; i++)
        todo.items[i].fn(todo.items[i].self);
}

static void on_wake(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    struct loop *loop = self;
    uint64_t count;
    ssize_t done = read(fd, &count, sizeof(count));
    (void)done;
    run_posts(loop);
    if (atomic_load(&loop->is_stopping))
        (void)event_base_loopbreak(loop->base);
}

static void on_tick(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct loop *loop = self;
    atomic_store_explicit(&loop->last_tick_ms, now_monotonic_ms(), memory_order_relaxed);
}

static struct event_base *new_base(void)
{
    struct event_config *config = must(event_config_new());
    /* Only wake_fd is touched by other threads, so libevent's own locks would cost without use. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = must(event_base_new_with_config(config));
    event_config_free(config);
    return base;
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof(*loop));
    (void)pthread_mutex_init(&loop->lock, NULL);
    loop->base = new_base();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        mem_exhausted();
    loop->wake_event =
        must(event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop));
    must_add(loop->wake_event, NULL);
    loop->tick_event = must(event_new(loop->base, -1, EV_PERSIST, on_tick, loop));
    struct timeval tick = timeval_of(TICK_MS);
    must_add(loop->tick_event, &tick);
    atomic_store(&loop->last_tick_ms, now_monotonic_ms());
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    terminate_free(loop->terminate);
    event_free(loop->tick_event);
    event_free(loop->wake_event);
    event_base_free(loop->base);
    (void)close(loop->wake_fd);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop->posts.items);
    free(loop->running.items);
    free(loop);
}

void loop_run(struct loop *loop)
{
    if (!atomic_load(&loop->is_stopping))
        (void)event_base_dispatch(loop->base);
    atomic_store(&loop->is_stopping, false);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    wake(loop);
}

void loop_post(struct loop *loop, loop_fn fn, void *self)
{
    (void)pthread_mutex_lock(&loop->lock);
    struct posts *posts = &loop->posts;
    if (posts->count == posts->capacity) {
        posts->capacity = posts->capacity == 0 ? POSTS_CAPACITY_FIRST : posts->capacity * 2;
        posts->items = mem_grow(posts->items, posts->capacity, sizeof(*posts->items));
    }
    posts->items[posts->count++] = (struct post){fn, self};
    bool is_first = posts->count == 1;
    (void)pthread_mutex_unlock(&loop->lock);
    if (is_first)
        wake(loop);
}

int64_t loop_last_tick_ms(const struct loop *loop)
{
    return atomic_load_explicit(&loop->last_tick_ms, memory_order_relaxed);
}

static void on_timer(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct loop_timer *timer = self;
    timer->fn(timer->self);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *self)
{
    struct loop_timer *timer = mem_alloc(sizeof(*timer));
    timer->fn = fn;
    timer->self = self;
    timer->event = must(event_new(loop->base, -1, 0, on_timer, timer));
    return timer;
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = timeval_of(delay_ms);
    must_add(timer->event, &delay);
}

void loop_timer_disarm(struct loop_timer *timer)
{
    (void)event_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->event);
    free(timer);
}

static void on_watch(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    struct loop_watch *watch = self;
    watch->fn(watch->self, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn fn, void *self)
{
    struct loop_watch *watch = mem_alloc(sizeof(*watch));
    watch->base = loop->base;
    watch->fd = fd;
    watch->fn = fn;
    watch->self = self;
    watch->event = must(event_new(loop->base, fd, EV_PERSIST, on_watch, watch));
    return watch;
}

void loop_watch_want(struct loop_watch *watch, bool readable, bool writable)
{
    if (watch->wants_read == readable && watch->wants_write == writable)
        return;
    watch->wants_read = readable;
    watch->wants_write = writable;
    (void)event_del(watch->event);
    if (!readable && !writable)
        return;
    short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
    (void)event_assign(watch->event, watch->base, watch->fd, what, on_watch, watch);
    must_add(watch->event, NULL);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->event);
    free(watch);
}

void loop_on_terminate(struct loop *loop, loop_fn fn, void *self)
{
    terminate_free(loop->terminate);
    loop->terminate = terminate_new(loop, fn, self);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}
