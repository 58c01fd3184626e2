#include "services/gateway/key_gate.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TICKETS 8

struct fixture {
    struct key_gate *gate;
    struct key_ticket tickets[TICKETS];
    char granted[64]; /* digits of the tickets in the order they were granted */
};

struct holder {
    struct fixture *fixture;
    char digit;
};

static struct holder holders[TICKETS];

static void on_granted(void *arg)
{
    struct holder *holder = arg;
    size_t len = strlen(holder->fixture->granted);
    holder->fixture->granted[len] = holder->digit;
}

static bool enter(struct fixture *fixture, size_t number, int64_t key)
{
    holders[number] = (struct holder){fixture, (char)('0' + number)};
    return key_gate_enter(fixture->gate, &fixture->tickets[number], key, on_granted,
                          &holders[number]);
}

static void leave(struct fixture *fixture, size_t number)
{
    key_gate_leave(fixture->gate, &fixture->tickets[number]);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->gate = key_gate_new(2); /* so few that keys share buckets */
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    key_gate_free(fixture->gate);
    free(fixture);
    return 0;
}

static void one_holder_per_key(void **state)
{
    struct fixture *fixture = *state;
    assert_true(enter(fixture, 0, 77));
    assert_false(enter(fixture, 1, 77));
    assert_true(enter(fixture, 2, -77));
    assert_int_equal(key_gate_waiting(fixture->gate), 1);
    leave(fixture, 2);
    assert_string_equal(fixture->granted, "");
    leave(fixture, 0);
    assert_string_equal(fixture->granted, "1");
    leave(fixture, 1);
    assert_true(enter(fixture, 3, 77));
    leave(fixture, 3);
}

static void waiters_are_served_in_order(void **state)
{
    struct fixture *fixture = *state;
    assert_true(enter(fixture, 0, 1));
    for (size_t i = 1; i < 5; i++)
        assert_false(enter(fixture, i, 1));
    for (size_t i = 0; i < 5; i++)
        leave(fixture, i);
    assert_string_equal(fixture->granted, "1234");
    assert_int_equal(key_gate_waiting(fixture->gate), 0);
}

static void a_waiter_may_leave_the_queue_anywhere(void **state)
{
    struct fixture *fixture = *state;
    assert_true(enter(fixture, 0, 5));
    for (size_t i = 1; i < 6; i++)
        assert_false(enter(fixture, i, 5));
    leave(fixture, 1); /* the first */
    leave(fixture, 3); /* in the middle */
    leave(fixture, 5); /* the last */
    leave(fixture, 0);
    leave(fixture, 2);
    leave(fixture, 4);
    assert_string_equal(fixture->granted, "24");
}

static void keys_of_one_bucket_do_not_touch_each_other(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 4; i++)
        assert_true(enter(fixture, i, (int64_t)i - 1002003004005));
    assert_false(enter(fixture, 4, -1002003004005 + 2));
    leave(fixture, 0);
    leave(fixture, 2);
    assert_string_equal(fixture->granted, "4");
    leave(fixture, 4);
    leave(fixture, 1);
    leave(fixture, 3);
}

static void leaving_twice_is_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_true(enter(fixture, 0, 9));
    leave(fixture, 0);
    leave(fixture, 0);
    assert_true(enter(fixture, 0, 9));
    leave(fixture, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_holder_per_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiters_are_served_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_waiter_may_leave_the_queue_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_of_one_bucket_do_not_touch_each_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(leaving_twice_is_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
