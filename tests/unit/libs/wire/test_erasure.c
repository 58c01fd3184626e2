#include "libs/wire/erasure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct event erased(int64_t user_id)
{
    return (struct event){.kind = EVENT_USER_ERASED,
                          .bot_id = 123456789,
                          .subject_id = user_id,
                          .id = {0x01, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0x7a, 0xbc, 1, 2, 3}};
}

/* Computed by other means: they may never change, tables hold them. */
static void pseudonyms_and_subjects_are_what_they_ever_were(void **state)
{
    (void)state;
    struct event person = erased(5550001);
    struct event group = erased(-1001234567890);
    static const uint8_t SUBJECT[ERASURE_SUBJECT_LEN] = {0x8f, 0x97, 0x01, 0x96, 0xe1, 0x7d,
                                                         0x08, 0x53, 0xd3, 0x3b, 0xed, 0x18,
                                                         0xd2, 0x46, 0x6d, 0x1e};
    uint8_t subject[ERASURE_SUBJECT_LEN];
    assert_int_equal(erasure_pseudonym(&person), INT64_C(5828391750448482377));
    assert_int_equal(erasure_pseudonym(&group), INT64_C(-4616345207819398365));
    erasure_subject(5550001, subject);
    assert_memory_equal(subject, SUBJECT, sizeof(subject));
}

static void all_events_of_a_command_give_one_pseudonym(void **state)
{
    (void)state;
    struct event here = erased(5);
    struct event there = erased(5);
    struct event later = erased(5);
    there.id[8] = 0xff;
    later.id[5]++;
    assert_int_equal(erasure_pseudonym(&here), erasure_pseudonym(&there));
    assert_int_not_equal(erasure_pseudonym(&here), erasure_pseudonym(&later));
}

static void one_command_id_for_two_people_gives_two_pseudonyms(void **state)
{
    (void)state;
    struct event one = erased(5);
    struct event other = erased(6);
    assert_int_not_equal(erasure_pseudonym(&one), erasure_pseudonym(&other));
}

static void pseudonyms_keep_the_sign_and_are_no_ids_of_telegram(void **state)
{
    (void)state;
    for (int64_t id = -1000; id <= 1000; id++) {
        if (id == 0)
            continue;
        struct event event = erased(id);
        int64_t pseudonym = erasure_pseudonym(&event);
        assert_true((pseudonym < 0) == (id < 0));
        assert_true(erasure_is_pseudonym(pseudonym));
    }
    assert_false(erasure_is_pseudonym((INT64_C(1) << 62) - 1));
    assert_false(erasure_is_pseudonym(-(INT64_C(1) << 62) + 1));
    assert_false(erasure_is_pseudonym(INT64_MIN));
    assert_false(erasure_is_pseudonym(INT64_MAX));
    assert_true(erasure_is_pseudonym(ERASURE_PSEUDONYM_LAST));
    assert_true(erasure_is_pseudonym(-ERASURE_PSEUDONYM_LAST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pseudonyms_and_subjects_are_what_they_ever_were),
        cmocka_unit_test(all_events_of_a_command_give_one_pseudonym),
        cmocka_unit_test(one_command_id_for_two_people_gives_two_pseudonyms),
        cmocka_unit_test(pseudonyms_keep_the_sign_and_are_no_ids_of_telegram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
