#include "libs/http/deadlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char a_owner;
static char b_owner;
static char c_owner;

static void expire_in_order_of_setting(void **state)
{
    (void)state;
    struct deadlines list = {.length_ms = 10};
    struct deadline a = {.owner = &a_owner};
    struct deadline b = {.owner = &b_owner};
    deadlines_set(&list, &a, 100);
    deadlines_set(&list, &b, 105);
    assert_null(deadlines_expired(&list, 109));
    assert_ptr_equal(deadlines_expired(&list, 110), &a_owner);
    deadlines_lift(&a);
    assert_null(deadlines_expired(&list, 114));
    assert_ptr_equal(deadlines_expired(&list, 115), &b_owner);
}

static void setting_again_moves_to_the_end(void **state)
{
    (void)state;
    struct deadlines list = {.length_ms = 10};
    struct deadlines other = {.length_ms = 5};
    struct deadline a = {.owner = &a_owner};
    struct deadline b = {.owner = &b_owner};
    struct deadline c = {.owner = &c_owner};
    deadlines_set(&list, &a, 0);
    deadlines_set(&list, &b, 1);
    deadlines_set(&list, &c, 2);
    deadlines_set(&list, &b, 3);
    assert_ptr_equal(list.first, &a);
    assert_ptr_equal(list.last, &b);
    deadlines_set(&other, &a, 4);
    assert_ptr_equal(list.first, &c);
    assert_ptr_equal(deadlines_expired(&other, 9), &a_owner);
}

static void lifting_leaves_the_others(void **state)
{
    (void)state;
    struct deadlines list = {.length_ms = 10};
    struct deadline items[3] = {{.owner = &a_owner}, {.owner = &b_owner}, {.owner = &c_owner}};
    for (int i = 0; i < 3; i++)
        deadlines_set(&list, &items[i], i);
    deadlines_lift(&items[1]);
    assert_ptr_equal(items[0].next, &items[2]);
    deadlines_lift(&items[2]);
    assert_ptr_equal(list.last, &items[0]);
    deadlines_lift(&items[0]);
    deadlines_lift(&items[0]);
    assert_null(list.first);
    assert_null(list.last);
}

static void endless_ones_never_expire(void **state)
{
    (void)state;
    struct deadlines list = {.length_ms = INT64_MAX};
    struct deadline a = {.owner = &a_owner};
    deadlines_set(&list, &a, 1000);
    assert_null(deadlines_expired(&list, INT64_MAX - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expire_in_order_of_setting),
        cmocka_unit_test(setting_again_moves_to_the_end),
        cmocka_unit_test(lifting_leaves_the_others),
        cmocka_unit_test(endless_ones_never_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
