#include "services/store/postgres/record.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* As PostgreSQL sends them: ROW(-2::bigint, NULL::bigint, 'ab'::text, true, 7::integer, ''). */
#define FIELDS \
    "\0\0\0\6" \
    "\0\0\0\x14\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xfe" \
    "\0\0\0\x14\xff\xff\xff\xff" \
    "\0\0\0\x19\0\0\0\2ab" \
    "\0\0\0\x10\0\0\0\1\1" \
    "\0\0\0\x17\0\0\0\4\0\0\0\7" \
    "\0\0\0\x19\0\0\0\0"

static void assert_fields(struct record record)
{
    int64_t number = 5;
    assert_true(record_take_known(&record, &number));
    assert_true(number == -2);
    assert_false(record_take_known(&record, &number));
    assert_true(number == 0);
    assert_true(bytes_equal(record_take(&record), BYTES_LITERAL("ab")));
    assert_true(record_take_bool(&record));
    assert_int_equal(record_take_int32(&record), 7);
    struct bytes empty = record_take(&record);
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
}

static void fields_are_taken_in_order(void **state)
{
    (void)state;
    assert_fields(record_open(BYTES_LITERAL(FIELDS)));
}

static void an_absent_field_is_the_zero_of_its_type(void **state)
{
    (void)state;
    static const char NULLS[] = "\0\0\0\4"
                                "\0\0\0\x14\xff\xff\xff\xff"
                                "\0\0\0\x17\xff\xff\xff\xff"
                                "\0\0\0\x10\xff\xff\xff\xff"
                                "\0\0\0\x19\xff\xff\xff\xff";
    struct record record = record_open(BYTES_LITERAL(NULLS));
    assert_true(record_take_int64(&record) == 0);
    assert_int_equal(record_take_int32(&record), 0);
    assert_false(record_take_bool(&record));
    assert_null(record_take(&record).data);
}

static void a_list_gives_its_records(void **state)
{
    (void)state;
    static const char LIST[] = "\0\0\0\1\0\0\0\0\0\0\x8\xc7\0\0\0\2\0\0\0\1"
                               "\0\0\0\x43" FIELDS "\0\0\0\x43" FIELDS;
    struct record_list list = record_list_open(BYTES_LITERAL(LIST));
    assert_int_equal(list.count, 2);
    assert_fields(record_list_take(&list));
    assert_fields(record_list_take(&list));
    assert_int_equal(list.count, 0);
}

static void no_list_and_a_list_of_nothing_are_empty(void **state)
{
    (void)state;
    assert_int_equal(record_list_open((struct bytes){NULL, 0}).count, 0);
    assert_int_equal(record_list_open(BYTES_LITERAL("\0\0\0\0\0\0\0\0\0\0\x8\xc7")).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_taken_in_order),
        cmocka_unit_test(an_absent_field_is_the_zero_of_its_type),
        cmocka_unit_test(a_list_gives_its_records),
        cmocka_unit_test(no_list_and_a_list_of_nothing_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
