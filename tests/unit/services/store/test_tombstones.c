#include "services/store/tombstones.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PEOPLE 1000

static const struct fold_place HERE = {.partition = 1, .offset = 9, .record_ms = 1000000};

static struct tombstones tombstones;

static int tear_down(void **state)
{
    (void)state;
    tombstones_done(&tombstones);
    return 0;
}

static struct event at(enum event_kind kind, int64_t id, int64_t time_ms)
{
    return (struct event){.kind = kind, .bot_id = 1, .subject_id = id, .occurred_at_ms = time_ms};
}

static void erase(int64_t id, int64_t time_ms)
{
    struct event event = at(EVENT_USER_ERASED, id, time_ms);
    struct tombstone tombstone = tombstone_of(&event, &HERE);
    tombstones_put(&tombstones, &tombstone);
}

static bool covers(int64_t id, int64_t time_ms)
{
    struct event event = at(EVENT_USER_SEEN, id, time_ms);
    return tombstones_cover(&tombstones, &event, &HERE);
}

static void an_event_is_late_up_to_the_erasure(void **state)
{
    (void)state;
    assert_false(covers(5, 1000));
    erase(5, 5000);
    assert_true(covers(5, 5000));
    assert_false(covers(5, 5001));
    assert_true(covers(5, 0));
    assert_false(covers(6, 1000));
}

static void a_tombstone_is_of_one_partition(void **state)
{
    (void)state;
    erase(5, 5000);
    struct event event = at(EVENT_USER_SEEN, 5, 1000);
    struct fold_place there = HERE;
    there.partition = 2;
    assert_false(tombstones_cover(&tombstones, &event, &there));
}

static void an_erasure_is_never_late(void **state)
{
    (void)state;
    erase(5, 5000);
    struct event event = at(EVENT_USER_ERASED, 5, 1000);
    assert_false(tombstones_cover(&tombstones, &event, &HERE));
}

static void of_two_erasures_the_later_date_counts(void **state)
{
    (void)state;
    erase(5, 5000);
    erase(5, 4000);
    assert_true(covers(5, 5000));
    erase(5, 6000);
    assert_true(covers(5, 6000));
    assert_int_equal(tombstones.count, 1);
}

static void an_erasure_without_a_date_is_dated_by_the_log(void **state)
{
    (void)state;
    erase(5, 0);
    assert_true(covers(5, HERE.record_ms));
    assert_false(covers(5, HERE.record_ms + 1));
}

static void a_migration_is_late_for_either_chat(void **state)
{
    (void)state;
    struct event event = at(EVENT_CHAT_MIGRATED, -5, 1000);
    event.migrated.old_id = -5;
    event.migrated.new_id = -1005;
    assert_false(tombstones_cover(&tombstones, &event, &HERE));
    erase(-1005, 5000);
    assert_true(tombstones_cover(&tombstones, &event, &HERE));
    tombstones_reset(&tombstones);
    erase(-5, 5000);
    assert_true(tombstones_cover(&tombstones, &event, &HERE));
}

static void a_dead_letter_is_of_its_event_and_of_its_key(void **state)
{
    (void)state;
    struct event event = at(EVENT_AD_COUNTED, 6, 1000);
    struct event broken = {.kind = EVENT_NONE};
    assert_false(tombstones_cover_letter(&tombstones, &broken, &HERE, BYTES_LITERAL("1:5")));
    erase(5, 5000);
    assert_true(tombstones_cover_letter(&tombstones, &event, &HERE, BYTES_LITERAL("1:5")));
    assert_false(tombstones_cover_letter(&tombstones, &event, &HERE, BYTES_LITERAL("1:7")));
    assert_true(tombstones_cover_letter(&tombstones, &broken, &HERE, BYTES_LITERAL("1:5")));
    assert_false(tombstones_cover_letter(&tombstones, &broken, &HERE, BYTES_LITERAL("5")));
    assert_false(tombstones_cover_letter(&tombstones, &broken, &HERE, BYTES_LITERAL("")));
    event.occurred_at_ms = 6000;
    assert_false(tombstones_cover_letter(&tombstones, &event, &HERE, BYTES_LITERAL("1:5")));
}

static void many_people_are_all_remembered_and_all_forgotten(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= PEOPLE; id++)
        erase(id, 1000 + id);
    for (int64_t id = 1; id <= PEOPLE; id++) {
        assert_true(covers(id, 1000 + id));
        assert_false(covers(id, 1001 + id));
        assert_false(covers(-id, 1000));
    }
    tombstones_reset(&tombstones);
    assert_int_equal(tombstones.count, 0);
    for (int64_t id = 1; id <= PEOPLE; id++)
        assert_false(covers(id, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_event_is_late_up_to_the_erasure, tear_down),
        cmocka_unit_test_teardown(a_tombstone_is_of_one_partition, tear_down),
        cmocka_unit_test_teardown(an_erasure_is_never_late, tear_down),
        cmocka_unit_test_teardown(of_two_erasures_the_later_date_counts, tear_down),
        cmocka_unit_test_teardown(an_erasure_without_a_date_is_dated_by_the_log, tear_down),
        cmocka_unit_test_teardown(a_migration_is_late_for_either_chat, tear_down),
        cmocka_unit_test_teardown(a_dead_letter_is_of_its_event_and_of_its_key, tear_down),
        cmocka_unit_test_teardown(many_people_are_all_remembered_and_all_forgotten, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
