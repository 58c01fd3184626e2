#include "libs/rpc/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_first_value_of_a_name_is_found(void **state)
{
    (void)state;
    struct rpc_headers headers;
    rpc_headers_init(&headers, 1000);
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("a"), BYTES_LITERAL("one")));
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("ab"), BYTES_LITERAL("")));
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("a"), BYTES_LITERAL("two")));
    assert_true(bytes_equal(rpc_headers_find(&headers, BYTES_LITERAL("a")), BYTES_LITERAL("one")));
    struct bytes empty = rpc_headers_find(&headers, BYTES_LITERAL("ab"));
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    assert_null(rpc_headers_find(&headers, BYTES_LITERAL("b")).data);
    rpc_headers_done(&headers);
}

static void a_walk_visits_all_in_order(void **state)
{
    (void)state;
    struct rpc_headers headers;
    rpc_headers_init(&headers, 1000);
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("x"), BYTES_LITERAL("1")));
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("y"), BYTES_LITERAL("2")));
    size_t at = 0;
    struct bytes name;
    struct bytes value;
    assert_true(rpc_headers_next(&headers, &at, &name, &value));
    assert_true(bytes_equal(name, BYTES_LITERAL("x")) && bytes_equal(value, BYTES_LITERAL("1")));
    assert_true(rpc_headers_next(&headers, &at, &name, &value));
    assert_true(bytes_equal(name, BYTES_LITERAL("y")) && bytes_equal(value, BYTES_LITERAL("2")));
    assert_false(rpc_headers_next(&headers, &at, &name, &value));
    rpc_headers_done(&headers);
}

static void past_its_maximum_nothing_changes(void **state)
{
    (void)state;
    struct rpc_headers headers;
    rpc_headers_init(&headers, 40);
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("a"), BYTES_LITERAL("1")));
    assert_false(
        rpc_headers_add(&headers, BYTES_LITERAL("b"), BYTES_LITERAL("0123456789012345678")));
    assert_true(rpc_headers_add(&headers, BYTES_LITERAL("c"), BYTES_LITERAL("3")));
    assert_null(rpc_headers_find(&headers, BYTES_LITERAL("b")).data);
    assert_true(bytes_equal(rpc_headers_find(&headers, BYTES_LITERAL("c")), BYTES_LITERAL("3")));
    rpc_headers_done(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_value_of_a_name_is_found),
        cmocka_unit_test(a_walk_visits_all_in_order),
        cmocka_unit_test(past_its_maximum_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
