/* replay_meant: which generation an order is about. */
#include "services/store/replay_meant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS_MAX 5

/* The generation that an order without a number is about, of those in these states; 0: none. */
static int meant(enum replay_action action, const enum generation_state *states, int count)
{
    struct generation_row rows[ROWS_MAX] = {0};
    const struct generation_row *found = NULL;
    for (int i = 0; i < count; i++) {
        rows[i].id = i + 1;
        rows[i].state = states[i];
    }
    if (replay_meant(action, 0, rows, (size_t)count, &found) != REPLAY_FOUND)
        return 0;
    return found->id;
}

static void without_a_number_the_newest_that_can_have_it_is_meant(void **state)
{
    static const enum generation_state NONE[] = {GENERATION_LIVE, GENERATION_PAST};
    static const enum generation_state BUILT[] = {GENERATION_RETIRED, GENERATION_LIVE,
                                                  GENERATION_CATCHING_UP};
    static const enum generation_state FAILED[] = {GENERATION_RETIRED, GENERATION_RETIRED,
                                                   GENERATION_LIVE, GENERATION_FAILED};
    (void)state;
    assert_int_equal(meant(REPLAY_PAUSE, NONE, 2), 0);
    assert_int_equal(meant(REPLAY_ROLLBACK, NONE, 2), 0);
    assert_int_equal(meant(REPLAY_CANCEL, NONE, 2), 0);
    assert_int_equal(meant(REPLAY_STATUS, NONE, 2), 1);
    assert_int_equal(meant(REPLAY_PAUSE, BUILT, 3), 3);
    assert_int_equal(meant(REPLAY_STATUS, BUILT, 3), 3);
    assert_int_equal(meant(REPLAY_ROLLBACK, BUILT, 3), 1);
    assert_int_equal(meant(REPLAY_SWAP, FAILED, 4), 0);
    assert_int_equal(meant(REPLAY_CANCEL, FAILED, 4), 4);
    assert_int_equal(meant(REPLAY_ROLLBACK, FAILED, 4), 2);
    assert_int_equal(meant(REPLAY_STATUS, FAILED, 4), 4);
}

static void a_removal_that_was_cut_short_can_be_ordered_again(void **state)
{
    static const enum generation_state CUT[] = {GENERATION_LIVE, GENERATION_DROPPING};
    (void)state;
    assert_int_equal(meant(REPLAY_CANCEL, CUT, 2), 2);
}

static void one_that_is_named_must_suit_the_order(void **state)
{
    static const struct {
        enum replay_action action;
        enum generation_state state;
        enum replay_found found;
    } CASES[] = {
        {REPLAY_PAUSE, GENERATION_READY, REPLAY_FOUND},
        {REPLAY_PAUSE, GENERATION_LIVE, REPLAY_UNFIT},
        {REPLAY_RESUME, GENERATION_FAILED, REPLAY_UNFIT},
        {REPLAY_SWAP, GENERATION_BUILDING, REPLAY_FOUND},
        {REPLAY_SWAP, GENERATION_PAST, REPLAY_UNFIT},
        {REPLAY_CANCEL, GENERATION_RETIRED, REPLAY_UNFIT},
        {REPLAY_ROLLBACK, GENERATION_RETIRED, REPLAY_FOUND},
        {REPLAY_ROLLBACK, GENERATION_READY, REPLAY_UNFIT},
        {REPLAY_DROP, GENERATION_LIVE, REPLAY_UNFIT},
        {REPLAY_DROP, GENERATION_DROPPING, REPLAY_FOUND},
        {REPLAY_STATUS, GENERATION_PAST, REPLAY_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct generation_row row = {.id = 3, .state = CASES[i].state};
        const struct generation_row *found = NULL;
        assert_int_equal(replay_meant(CASES[i].action, 3, &row, 1, &found), CASES[i].found);
        assert_ptr_equal(found, &row);
        assert_int_equal(replay_meant(CASES[i].action, 4, &row, 1, &found), REPLAY_NOT_FOUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_number_the_newest_that_can_have_it_is_meant),
        cmocka_unit_test(a_removal_that_was_cut_short_can_be_ordered_again),
        cmocka_unit_test(one_that_is_named_must_suit_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
