/* pace: how long a rebuild rests. */
#include "services/store/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void it_rests_so_long_that_its_share_is_kept(void **state)
{
    (void)state;
    assert_int_equal(pace_rest_ms(1000, 100), 0);
    assert_int_equal(pace_rest_ms(1000, 50), 1000);
    assert_int_equal(pace_rest_ms(1000, 80), 250);
    assert_int_equal(pace_rest_ms(30, 25), 90);
    assert_int_equal(pace_rest_ms(0, 1), 0);
}

static void a_rest_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(pace_rest_ms(60000, 1), 5000);
}

static enum apply_result commit(void *self, struct batch *batch, struct fold *fold, struct err *err)
{
    int *count = self;
    (void)batch;
    (void)fold;
    (void)err;
    (*count)++;
    return APPLY_COMMITTED;
}

static void batches_pass_through(void **state)
{
    int count = 0;
    struct projection_store inner = {.apply = commit, .self = &count};
    struct pace *pace = pace_new(&inner, 100);
    struct projection_store store = pace_port(pace);
    struct err err;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(store.apply(store.self, NULL, NULL, &err), APPLY_COMMITTED);
    assert_int_equal(count, 3);
    pace_free(pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rests_so_long_that_its_share_is_kept),
        cmocka_unit_test(a_rest_is_bounded),
        cmocka_unit_test(batches_pass_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
