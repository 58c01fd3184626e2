/* rebuild_desk: orders go to a thread that may wait, and answers come back to the loop. */
#include "services/store/rebuild_desk.h"

#include "libs/base/mem.h"
#include "tests/support/fake_generations.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define GIVE_UP_MS 10000

struct bench {
    struct fake_generations database;
    struct generation_store store; /* waits at the gate whenever it is opened */
    struct log_watch log;
    sem_t gate, reached;
    struct loop *loop;
    struct loop_timer *timer;
    struct rebuild_desk *desk;
    pthread_t thread; /* of the loop */
    int answers, wanted;
};

static bool open_at_gate(void *self, struct err *err)
{
    struct bench *bench = self;
    (void)err;
    (void)sem_post(&bench->reached);
    while (sem_wait(&bench->gate) != 0) {
    }
    return true;
}

static bool drop_in_fake(void *self, int id, struct err *err)
{
    struct bench *bench = self;
    struct generation_store fake = fake_generations_store(&bench->database);
    return fake.drop(fake.self, id, err);
}

static bool list_of_fake(void *self, struct generation_row **out, size_t *count, struct err *err)
{
    struct bench *bench = self;
    struct generation_store fake = fake_generations_store(&bench->database);
    return fake.list(fake.self, out, count, err);
}

static void close_nothing(void *self)
{
    (void)self;
}

static void give_up(void *self)
{
    (void)self;
    fail_msg("nothing happened in time");
}

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof(*bench));
    struct err err;
    fake_generations_init(&bench->database);
    bench->database.items[2] = (struct fake_generation){.is_there = true, .state = GENERATION_PAST};
    bench->database.items[3] = (struct fake_generation){.is_there = true, .state = GENERATION_PAST};
    bench->store = (struct generation_store){.open = open_at_gate,
                                             .list = list_of_fake,
                                             .drop = drop_in_fake,
                                             .close = close_nothing,
                                             .self = bench};
    bench->log = fake_generations_log(&bench->database);
    assert_int_equal(sem_init(&bench->gate, 0, 0), 0);
    assert_int_equal(sem_init(&bench->reached, 0, 0), 0);
    bench->loop = loop_new();
    bench->timer = loop_timer_new(bench->loop, give_up, NULL);
    bench->thread = pthread_self();
    assert_true(rebuild_desk_open(bench->loop, &bench->store, &bench->log, &bench->desk, &err));
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    (void)sem_post(&bench->gate); /* for one that has begun */
    rebuild_desk_free(bench->desk);
    loop_timer_free(bench->timer);
    loop_free(bench->loop);
    (void)sem_destroy(&bench->gate);
    (void)sem_destroy(&bench->reached);
    fake_generations_done(&bench->database);
    free(bench);
    return 0;
}

static void on_answer(void *self, const struct rebuild_answer *answer)
{
    struct bench *bench = self;
    assert_true(pthread_equal(pthread_self(), bench->thread) != 0);
    assert_int_equal(answer->outcome, REBUILD_DONE);
    if (++bench->answers == bench->wanted)
        loop_stop(bench->loop);
}

static struct rebuild_ticket *put_drop(struct bench *bench, int generation)
{
    struct rebuild_order order = {.action = REPLAY_DROP, .generation = generation};
    return rebuild_desk_put(bench->desk, &order, on_answer, bench);
}

static struct rebuild_ticket *put_list(struct bench *bench)
{
    struct rebuild_order order = {.action = REPLAY_LIST};
    return rebuild_desk_put(bench->desk, &order, on_answer, bench);
}

/* Let so many orders pass, and run the loop until so many are answered. */
static void run_until(struct bench *bench, int passing, int answers)
{
    for (int i = 0; i < passing; i++)
        (void)sem_post(&bench->gate);
    bench->wanted = answers;
    loop_timer_arm(bench->timer, GIVE_UP_MS);
    loop_run(bench->loop);
    loop_timer_disarm(bench->timer);
    assert_int_equal(bench->answers, answers);
}

static void await_begun(struct bench *bench)
{
    while (sem_wait(&bench->reached) != 0) {
    }
}

static void answers_come_to_the_loop(void **state)
{
    struct bench *bench = *state;
    assert_true(rebuild_desk_is_idle(bench->desk));
    assert_non_null(put_list(bench));
    assert_non_null(put_drop(bench, 2));
    assert_false(rebuild_desk_is_idle(bench->desk));
    run_until(bench, 2, 2);
    assert_false(bench->database.items[2].is_there);
    assert_true(rebuild_desk_is_idle(bench->desk));
}

static void what_waits_is_not_done_once_nobody_waits_for_it(void **state)
{
    struct bench *bench = *state;
    assert_non_null(put_list(bench));
    await_begun(bench);
    struct rebuild_ticket *first = put_drop(bench, 2);
    struct rebuild_ticket *last = put_drop(bench, 2);
    rebuild_desk_cancel(bench->desk, last);
    rebuild_desk_cancel(bench->desk, first);
    assert_non_null(put_drop(bench, 3));
    run_until(bench, 2, 2);
    assert_true(bench->database.items[2].is_there);
    assert_false(bench->database.items[3].is_there);
}

static void what_has_begun_is_done_and_not_told(void **state)
{
    struct bench *bench = *state;
    struct rebuild_ticket *begun = put_drop(bench, 2);
    await_begun(bench);
    rebuild_desk_cancel(bench->desk, begun);
    assert_false(rebuild_desk_is_idle(bench->desk));
    assert_non_null(put_list(bench));
    run_until(bench, 2, 1);
    assert_false(bench->database.items[2].is_there);
    assert_true(rebuild_desk_is_idle(bench->desk));
}

static void orders_are_bounded(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < REBUILD_ORDERS_MAX; i++)
        assert_non_null(put_list(bench));
    assert_null(put_list(bench));
    run_until(bench, REBUILD_ORDERS_MAX, REBUILD_ORDERS_MAX);
    assert_non_null(put_list(bench));
    run_until(bench, 1, REBUILD_ORDERS_MAX + 1);
}

static void what_waits_goes_with_the_desk(void **state)
{
    struct bench *bench = *state;
    assert_non_null(put_list(bench));
    await_begun(bench);
    assert_non_null(put_drop(bench, 2));
    (void)sem_post(&bench->gate);
    (void)sem_post(&bench->gate);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_come_to_the_loop),
        TEST(what_waits_is_not_done_once_nobody_waits_for_it),
        TEST(what_has_begun_is_done_and_not_told),
        TEST(orders_are_bounded),
        TEST(what_waits_goes_with_the_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
