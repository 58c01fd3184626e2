#include "services/store/position_check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_plan_follows_from_fence_and_log(void **state)
{
    (void)state;
    static const struct {
        int64_t next, first, end;
        const char *cluster, *mine;
        enum stop_reason stop;
        int64_t start;
        bool is_checked;
    } cases[] = {
        {0, 0, 0, "c", "c", STOP_NONE, 0, true},
        {0, 0, 50, "c", "c", STOP_NONE, 0, true},
        {10, 0, 10, "c", "c", STOP_NONE, 9, false},
        {10, 0, 50, "c", "c", STOP_NONE, 9, false},
        {10, 9, 50, "c", "c", STOP_NONE, 9, false},
        {10, 10, 50, "c", "c", STOP_NONE, 10, true},
        {10, 10, 10, "c", "c", STOP_NONE, 10, true},
        {10, 11, 50, "c", "c", STOP_LOG_STARTS_LATER, 0, false},
        {0, 1, 50, "c", "c", STOP_LOG_STARTS_LATER, 0, false},
        {10, 0, 9, "c", "c", STOP_LOG_ENDS_BEFORE, 0, false},
        {10, 0, 50, "c", "d", STOP_OTHER_CLUSTER, 0, false},
        {10, 0, 50, "", "d", STOP_NONE, 9, false},
        {10, 0, 50, "c", "", STOP_NONE, 9, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fence fence = {.next_offset = cases[i].next};
        struct log_range range = {cases[i].first, cases[i].end};
        memcpy(fence.cluster_id, cases[i].mine, strlen(cases[i].mine) + 1);
        struct position_plan plan = position_plan(&fence, &range, cases[i].cluster);
        assert_int_equal(plan.stop, cases[i].stop);
        if (plan.stop != STOP_NONE)
            continue;
        assert_int_equal(plan.start_offset, cases[i].start);
        assert_int_equal(plan.is_checked, cases[i].is_checked);
    }
}

static void a_record_is_recognised_by_time_and_value(void **state)
{
    (void)state;
    struct record_view record = {.place = {.record_ms = 7}, .value = BYTES_LITERAL("value")};
    struct fence fence = {.last_record_ms = 7};
    fingerprint_of(record.value, fence.last_hash);
    assert_true(position_is_same(&fence, &record));
    record.place.record_ms = 8;
    assert_false(position_is_same(&fence, &record));
    record.place.record_ms = 7;
    record.value = BYTES_LITERAL("Value");
    assert_false(position_is_same(&fence, &record));
    record.value = (struct bytes){0};
    assert_false(position_is_same(&fence, &record));
    fingerprint_of(record.value, fence.last_hash);
    assert_true(position_is_same(&fence, &record));
}

static void every_reason_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int i = 1; i < STOP_REASONS; i++) {
        assert_true(strlen(stop_reason_name((enum stop_reason)i)) > 2);
        assert_true(strlen(stop_reason_text((enum stop_reason)i)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_follows_from_fence_and_log),
        cmocka_unit_test(a_record_is_recognised_by_time_and_value),
        cmocka_unit_test(every_reason_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
