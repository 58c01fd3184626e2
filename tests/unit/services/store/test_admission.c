#include "services/store/admission.h"

#include "libs/wire/erasure.h"
#include "libs/wire/record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PARTITIONS 12

static const struct admission_rules RULES = {.bot_id = 99, .topic_partitions = PARTITIONS};

static const char *fault_of(const struct event *event, const char *key, int32_t partition)
{
    const char *detail = NULL;
    struct record_view record = {.place = {.partition = partition}, .key = bytes_of_text(key)};
    const char *cause = admission_fault(&RULES, &record, event, &detail);
    assert_true((cause == NULL) == (detail == NULL));
    return cause;
}

static int32_t home_of(const char *key)
{
    return record_partition(bytes_of_text(key), PARTITIONS);
}

static void an_event_with_its_key_in_its_partition_is_admitted(void **state)
{
    (void)state;
    struct event event = {.bot_id = 99, .subject_id = -5, .kind = EVENT_AD_COUNTED};
    assert_null(fault_of(&event, "99:-5", home_of("99:-5")));
}

static void faults_are_named(void **state)
{
    (void)state;
    struct event event = {.bot_id = 99, .subject_id = -5, .kind = EVENT_AD_COUNTED};
    assert_string_equal(fault_of(&event, "99:5", home_of("99:5")), "wrong_key");
    assert_string_equal(fault_of(&event, "", 0), "wrong_key");
    assert_string_equal(fault_of(&event, "99:-5", (home_of("99:-5") + 1) % PARTITIONS),
                        "wrong_partition");
    event.bot_id = 98;
    assert_string_equal(fault_of(&event, "98:-5", home_of("98:-5")), "other_bot");
}

static void a_migration_belongs_to_either_of_its_chats(void **state)
{
    (void)state;
    struct event event = {.bot_id = 99, .subject_id = -5, .kind = EVENT_CHAT_MIGRATED};
    event.migrated.old_id = -5;
    event.migrated.new_id = -1005;
    assert_null(fault_of(&event, "99:-5", home_of("99:-5")));
    assert_null(fault_of(&event, "99:-1005", home_of("99:-1005")));
    assert_string_equal(fault_of(&event, "99:-6", home_of("99:-6")), "wrong_key");
}

static void an_erasure_stands_in_every_partition(void **state)
{
    (void)state;
    struct event event = {.bot_id = 99, .subject_id = 5, .kind = EVENT_USER_ERASED};
    struct record_view record = {.key = BYTES_LITERAL("99:5")};
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        record.place.partition = partition;
        assert_null(fault_of(&event, "99:5", partition));
        assert_int_equal(admission_is_foreign(&RULES, &record, &event),
                         partition != home_of("99:5"));
    }
    assert_string_equal(fault_of(&event, "99:6", 0), "wrong_key");
}

static void the_ids_of_pseudonyms_belong_to_nobody(void **state)
{
    (void)state;
    struct event event = {.bot_id = 99, .kind = EVENT_AD_COUNTED};
    static const int64_t RESERVED[] = {-ERASURE_PSEUDONYM_LAST, -ERASURE_PSEUDONYM_FIRST,
                                       ERASURE_PSEUDONYM_FIRST, ERASURE_PSEUDONYM_LAST};
    for (size_t i = 0; i < 4; i++) {
        event.subject_id = RESERVED[i];
        assert_string_equal(fault_of(&event, "", 0), "reserved_id");
    }
    event.subject_id = ERASURE_PSEUDONYM_FIRST - 1;
    assert_string_equal(fault_of(&event, "", 0), "wrong_key");
    event.subject_id = INT64_MAX;
    assert_string_equal(fault_of(&event, "", 0), "wrong_key");
    event = (struct event){.bot_id = 99, .kind = EVENT_CHAT_MIGRATED, .subject_id = -5};
    event.migrated.old_id = -5;
    event.migrated.new_id = -ERASURE_PSEUDONYM_LAST;
    assert_string_equal(fault_of(&event, "99:-5", home_of("99:-5")), "reserved_id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_with_its_key_in_its_partition_is_admitted),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(a_migration_belongs_to_either_of_its_chats),
        cmocka_unit_test(an_erasure_stands_in_every_partition),
        cmocka_unit_test(the_ids_of_pseudonyms_belong_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
