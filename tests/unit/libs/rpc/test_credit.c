#include "libs/rpc/credit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_flood_overdraws_and_time_refills(void **state)
{
    (void)state;
    struct rpc_credit credit;
    rpc_credit_init(&credit, 1000);
    for (int i = 0; i < RPC_CREDIT_MAX; i++)
        assert_true(rpc_credit_spend(&credit, 1, 1000));
    assert_false(rpc_credit_spend(&credit, 1, 1000));
    assert_true(rpc_credit_spend(&credit, RPC_CREDIT_PER_MS, 1001));
    assert_false(rpc_credit_spend(&credit, RPC_CREDIT_PER_MS, 1001));
}

static void a_steady_trickle_never_overdraws(void **state)
{
    (void)state;
    struct rpc_credit credit;
    rpc_credit_init(&credit, 0);
    for (int64_t ms = 1; ms < 100000; ms++)
        assert_true(rpc_credit_spend(&credit, RPC_CREDIT_PER_MS, ms));
}

static void nobody_saves_more_than_the_maximum(void **state)
{
    (void)state;
    struct rpc_credit credit;
    rpc_credit_init(&credit, 0);
    rpc_credit_earn(&credit, 1000);
    assert_false(rpc_credit_spend(&credit, RPC_CREDIT_MAX + 1, INT64_MAX));
    assert_true(rpc_credit_spend(&credit, RPC_CREDIT_MAX, INT64_MAX));
    rpc_credit_earn(&credit, 3);
    assert_true(rpc_credit_spend(&credit, 3, INT64_MAX));
    assert_false(rpc_credit_spend(&credit, 1, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_overdraws_and_time_refills),
        cmocka_unit_test(a_steady_trickle_never_overdraws),
        cmocka_unit_test(nobody_saves_more_than_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
