/* replay_states: names and transitions of a generation. */
#include "services/store/replay_states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_state_has_a_name_that_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < GENERATION_STATES; i++) {
        enum generation_state found = GENERATION_DROPPING;
        const char *name = generation_state_name((enum generation_state)i);
        assert_true(generation_state_parse(bytes_of_text(name), &found));
        assert_int_equal(found, i);
    }
    enum generation_state found = GENERATION_LIVE;
    assert_false(generation_state_parse(bytes_of_text("liv"), &found));
    assert_int_equal(found, GENERATION_LIVE);
}

/* The picture in the header. */
static void only_the_ways_of_the_picture_exist(void **state)
{
    static const struct {
        enum generation_state from, to;
    } WAYS[] = {
        {GENERATION_BUILDING, GENERATION_INDEXING},
        {GENERATION_INDEXING, GENERATION_CATCHING_UP},
        {GENERATION_INDEXING, GENERATION_PAST},
        {GENERATION_CATCHING_UP, GENERATION_VERIFYING},
        {GENERATION_VERIFYING, GENERATION_READY},
        {GENERATION_VERIFYING, GENERATION_FAILED},
        {GENERATION_VERIFYING, GENERATION_CATCHING_UP},
        {GENERATION_READY, GENERATION_LIVE},
        {GENERATION_READY, GENERATION_CATCHING_UP},
        {GENERATION_LIVE, GENERATION_RETIRED},
        {GENERATION_RETIRED, GENERATION_LIVE},
    };
    (void)state;
    for (int from = 0; from < GENERATION_STATES; from++) {
        for (int to = 0; to < GENERATION_STATES; to++) {
            bool is_way = to == GENERATION_DROPPING && from != GENERATION_LIVE && from != to;
            for (size_t i = 0; i < sizeof(WAYS) / sizeof(*WAYS); i++)
                is_way = is_way || ((int)WAYS[i].from == from && (int)WAYS[i].to == to);
            assert_int_equal(
                generation_may_become((enum generation_state)from, (enum generation_state)to),
                is_way);
        }
    }
}

static void what_is_being_built_is_unfinished(void **state)
{
    (void)state;
    assert_true(generation_is_unfinished(GENERATION_BUILDING));
    assert_true(generation_is_unfinished(GENERATION_READY));
    assert_false(generation_is_unfinished(GENERATION_FAILED));
    assert_false(generation_is_unfinished(GENERATION_PAST));
    assert_false(generation_is_unfinished(GENERATION_LIVE));
    assert_false(generation_is_unfinished(GENERATION_RETIRED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_a_name_that_reads_back),
        cmocka_unit_test(only_the_ways_of_the_picture_exist),
        cmocka_unit_test(what_is_being_built_is_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
