#include "services/store/position_wait.h"

#include "libs/base/now.h"
#include "tests/support/fake_read_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FAR_MS 60000

/* One test's world: the loop stops when a waiter was told, or when the store was asked. */
struct world {
    struct loop *loop;
    struct fake_read_store store;
    struct position_wait *wait;
    struct loop_timer *look; /* stops the loop once a question is open */
    int told;
    bool applied;
};

static void on_told(void *arg, bool applied, const struct err *err)
{
    struct world *world = arg;
    assert_true(applied == (err == NULL));
    world->told++;
    world->applied = applied;
    loop_stop(world->loop);
}

static void look(void *arg)
{
    struct world *world = arg;
    if (world->store.open != NULL)
        loop_stop(world->loop);
    else
        loop_timer_arm(world->look, 1);
}

static void open_world(struct world *world, size_t max_waiters)
{
    *world = (struct world){0};
    world->loop = loop_new();
    world->wait = position_wait_new(world->loop, fake_read_store_port(&world->store), max_waiters);
    world->look = loop_timer_new(world->loop, look, world);
}

static void close_world(struct world *world)
{
    position_wait_free(world->wait);
    loop_timer_free(world->look);
    loop_free(world->loop);
}

static void add(struct world *world, const char *token, int64_t deadline_ms)
{
    struct position position = {0};
    struct err err;
    assert_true(position_parse(bytes_of_text(token), &position, &err));
    (void)position_wait_add(world->wait, &position, deadline_ms, on_told, world);
    position_done(&position);
}

static void run_until_asked(struct world *world)
{
    loop_timer_arm(world->look, 0);
    loop_run(world->loop);
    assert_non_null(world->store.open);
    assert_int_equal(world->store.open->request.kind, READ_FENCES);
}

static void answer(struct world *world, const char *position)
{
    struct read_answer fences = {.generation = 1, .position = bytes_of_text(position)};
    fake_read_store_answer(&world->store, &fences, NULL);
}

static void a_position_covers_what_it_reached(void **state)
{
    (void)state;
    static const struct {
        const char *have;
        const char *want;
        bool covers;
    } CASES[] = {
        {"", "", true},
        {"3:10", "", true},
        {"3:10", "3:10", true},
        {"3:10", "3:11", false},
        {"3:10", "3:9", true},
        {"", "3:1", false},
        {"1:5,3:10", "3:10", true},
        {"1:5,3:10", "2:1", false},
        {"1:5,3:10", "1:5,3:10", true},
        {"1:5,3:10", "1:6,3:10", false},
        {"nonsense", "1:1", false},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct position want = {0};
        struct err err;
        assert_true(position_parse(bytes_of_text(CASES[i].want), &want, &err));
        assert_true(position_covers(bytes_of_text(CASES[i].have), &want) == CASES[i].covers);
        position_done(&want);
    }
}

static void a_waiter_is_told_once_its_position_is_applied(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 10);
    add(&world, "3:10", now_monotonic_ms() + FAR_MS);
    run_until_asked(&world);
    answer(&world, "3:9");
    assert_int_equal(world.told, 0);
    run_until_asked(&world);
    answer(&world, "3:10");
    assert_int_equal(world.told, 1);
    assert_true(world.applied);
    assert_null(world.store.open);
    close_world(&world);
}

static void many_waiters_share_one_question(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 100);
    for (int i = 0; i < 50; i++)
        add(&world, "0:1", now_monotonic_ms() + FAR_MS);
    run_until_asked(&world);
    assert_int_equal(world.store.asked, 1);
    answer(&world, "0:1");
    assert_int_equal(world.told, 50);
    close_world(&world);
}

static void a_waiter_past_its_deadline_is_told_so(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 10);
    add(&world, "3:10", now_monotonic_ms() - 1);
    loop_run(world.loop);
    assert_int_equal(world.told, 1);
    assert_false(world.applied);
    close_world(&world);
}

static void an_unwell_database_is_waited_out(void **state)
{
    (void)state;
    struct world world;
    struct err err = {ERR_RETRY, "connection refused"};
    open_world(&world, 10);
    add(&world, "3:10", now_monotonic_ms() + FAR_MS);
    run_until_asked(&world);
    fake_read_store_answer(&world.store, NULL, &err);
    assert_int_equal(world.told, 0);
    run_until_asked(&world);
    answer(&world, "3:12");
    assert_true(world.applied);
    close_world(&world);
}

static void one_waiter_too_many_is_refused(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 2);
    for (int i = 0; i < 3; i++)
        add(&world, "3:10", now_monotonic_ms() + FAR_MS);
    loop_run(world.loop);
    assert_int_equal(world.told, 1);
    assert_false(world.applied);
    run_until_asked(&world);
    answer(&world, "3:10");
    assert_int_equal(world.told, 3);
    close_world(&world);
}

static void a_cancelled_waiter_hears_nothing(void **state)
{
    (void)state;
    struct world world;
    struct position position = {0};
    open_world(&world, 10);
    position_raise(&position, 3, 10);
    struct position_waiter *waiter =
        position_wait_add(world.wait, &position, now_monotonic_ms() + FAR_MS, on_told, &world);
    position_done(&position);
    run_until_asked(&world);
    position_wait_cancel(world.wait, waiter);
    answer(&world, "3:10");
    assert_int_equal(world.told, 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_covers_what_it_reached),
        cmocka_unit_test(a_waiter_is_told_once_its_position_is_applied),
        cmocka_unit_test(many_waiters_share_one_question),
        cmocka_unit_test(a_waiter_past_its_deadline_is_told_so),
        cmocka_unit_test(an_unwell_database_is_waited_out),
        cmocka_unit_test(one_waiter_too_many_is_refused),
        cmocka_unit_test(a_cancelled_waiter_hears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
