#include "libs/loop/loop.h"

#include "libs/base/now.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A text that may be passed as void *. */
#define TEXT(text) ((char[]){text})

static struct loop *loop;
static char trace[64];

static int setup(void **state)
{
    (void)state;
    trace[0] = '\0';
    loop = loop_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void note(const char *what)
{
    size_t len = strlen(trace);
    if (len + strlen(what) < sizeof(trace))
        memcpy(trace + len, what, strlen(what) + 1);
}

static void note_self(void *self)
{
    note(self);
}

static void stop(void *self)
{
    (void)self;
    note("|");
    loop_stop(loop);
}

static void posts_run_in_order(void **state)
{
    (void)state;
    loop_post(loop, note_self, TEXT("a"));
    loop_post(loop, note_self, TEXT("b"));
    loop_post(loop, stop, NULL);
    loop_post(loop, note_self, TEXT("c"));
    loop_run(loop);
    assert_string_equal(trace, "ab|c");
}

static void post_again(void *self)
{
    (void)self;
    note("x");
    if (strlen(trace) < 3)
        loop_post(loop, post_again, NULL);
    else
        loop_stop(loop);
}

static void posting_from_a_post_runs_on_the_next_round(void **state)
{
    (void)state;
    loop_post(loop, post_again, NULL);
    loop_run(loop);
    assert_string_equal(trace, "xxx");
}

static void stopping_before_running_returns_at_once(void **state)
{
    (void)state;
    loop_stop(loop);
    loop_run(loop);
    loop_post(loop, stop, NULL);
    loop_run(loop);
    assert_string_equal(trace, "|");
}

#define POSTS_PER_THREAD 1000

static int posted;

static void count_post(void *self)
{
    (void)self;
    posted++;
    if (posted == 4 * POSTS_PER_THREAD)
        loop_stop(loop);
}

static void *post_many(void *self)
{
    (void)self;
    for (int i = 0; i < POSTS_PER_THREAD; i++)
        loop_post(loop, count_post, NULL);
    return NULL;
}

static void posts_of_other_threads_all_arrive(void **state)
{
    (void)state;
    pthread_t threads[4];
    posted = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, NULL), 0);
    loop_run(loop);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(posted, 4 * POSTS_PER_THREAD);
}

static void timers_fire_in_order_of_their_delay(void **state)
{
    (void)state;
    int64_t start_ms = now_monotonic_ms();
    struct loop_timer *late = loop_timer_new(loop, stop, NULL);
    struct loop_timer *early = loop_timer_new(loop, note_self, TEXT("early"));
    struct loop_timer *never = loop_timer_new(loop, note_self, TEXT("never"));
    struct loop_timer *unarmed = loop_timer_new(loop, note_self, TEXT("unarmed"));
    loop_timer_arm(late, 20);
    loop_timer_arm(early, 1000000);
    loop_timer_arm(early, 5);
    loop_timer_arm(never, 1);
    loop_timer_disarm(never);
    loop_run(loop);
    assert_string_equal(trace, "early|");
    assert_true(now_monotonic_ms() - start_ms >= 10); /* the loop reads a coarse clock */
    loop_timer_free(late);
    loop_timer_free(early);
    loop_timer_free(never);
    loop_timer_free(unarmed);
    loop_timer_free(NULL);
}

static struct loop_timer *own_timer;

static void free_own_timer(void *self)
{
    loop_timer_free(own_timer);
    stop(self);
}

static void timer_may_free_itself(void **state)
{
    (void)state;
    own_timer = loop_timer_new(loop, free_own_timer, NULL);
    loop_timer_arm(own_timer, -5);
    loop_run(loop);
    assert_string_equal(trace, "|");
}

static int pipe_ends[2];
static struct loop_watch *reader;
static struct loop_watch *writer;

static void on_reader(void *self, bool readable, bool writable)
{
    (void)self;
    char byte;
    assert_true(readable);
    assert_false(writable);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    note("r");
    if (strlen(trace) >= 4)
        loop_stop(loop);
    loop_watch_want(writer, false, true);
}

static void on_writer(void *self, bool readable, bool writable)
{
    (void)self;
    assert_true(writable);
    assert_false(readable);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    note("w");
    loop_watch_want(writer, false, false);
}

static void watches_say_what_is_possible(void **state)
{
    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    reader = loop_watch_new(loop, pipe_ends[0], on_reader, NULL);
    writer = loop_watch_new(loop, pipe_ends[1], on_writer, NULL);
    loop_watch_want(reader, true, false);
    loop_watch_want(writer, false, true);
    loop_run(loop);
    assert_string_equal(trace, "wrwr");
    loop_watch_free(reader);
    loop_watch_free(writer);
    loop_watch_free(NULL);
    assert_int_equal(close(pipe_ends[0]), 0);
    assert_int_equal(close(pipe_ends[1]), 0);
}

static int64_t tick_before;
static struct loop_timer *tick_timer;

static void wait_for_tick(void *self)
{
    (void)self;
    if (loop_last_tick_ms(loop) > tick_before)
        loop_stop(loop);
    else
        loop_timer_arm(tick_timer, 10);
}

static void idle_loop_ticks(void **state)
{
    (void)state;
    tick_before = loop_last_tick_ms(loop);
    assert_true(tick_before > 0);
    tick_timer = loop_timer_new(loop, wait_for_tick, NULL);
    loop_timer_arm(tick_timer, 0);
    loop_run(loop);
    assert_true(loop_last_tick_ms(loop) > tick_before);
    loop_timer_free(tick_timer);
}

static void raise_term(void *self)
{
    (void)self;
    (void)kill(getpid(), SIGTERM);
}

static void first_signal_calls_the_function(void **state)
{
    (void)state;
    loop_on_terminate(loop, stop, NULL);
    loop_post(loop, raise_term, NULL);
    loop_run(loop);
    assert_string_equal(trace, "|");
}

static void hang(void *self)
{
    (void)self;
    (void)kill(getpid(), SIGINT);
    for (;;)
        (void)pause();
}

static int exit_code_of_child(loop_fn on_terminate, loop_fn first)
{
    pid_t child = fork();
    if (child == 0) {
        loop_on_terminate(loop, on_terminate, NULL);
        loop_post(loop, first, NULL);
        loop_run(loop);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void second_signal_ends_a_hanging_loop(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_child(hang, raise_term), 1);
}

static void write_to_closed_pipe(void *self)
{
    int ends[2];
    if (pipe(ends) == 0 && close(ends[0]) == 0)
        (void)!write(ends[1], "x", 1);
    stop(self);
}

static void broken_pipes_do_not_kill(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_child(stop, write_to_closed_pipe), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(posts_run_in_order),
        TEST(posting_from_a_post_runs_on_the_next_round),
        TEST(stopping_before_running_returns_at_once),
        TEST(posts_of_other_threads_all_arrive),
        TEST(timers_fire_in_order_of_their_delay),
        TEST(timer_may_free_itself),
        TEST(watches_say_what_is_possible),
        TEST(idle_loop_ticks),
        TEST(first_signal_calls_the_function),
        TEST(second_signal_ends_a_hanging_loop),
        TEST(broken_pipes_do_not_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
