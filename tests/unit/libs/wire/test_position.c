#include "libs/wire/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_round_trip(const char *text, const char *expected)
{
    struct position position = {0};
    struct err err;
    assert_true(position_parse(bytes_of_text(text), &position, &err));
    char *shown = position_text(&position);
    assert_string_equal(shown, expected);
    free(shown);
    position_done(&position);
}

static void a_token_reads_back_in_ascending_order(void **state)
{
    (void)state;
    check_round_trip("", "");
    check_round_trip("0:0", "0:0");
    check_round_trip("3:1043,5:78", "3:1043,5:78");
    check_round_trip("5:78,3:1043", "3:1043,5:78");
    check_round_trip("255:9223372036854775807", "255:9223372036854775807");
    check_round_trip("7:1,7:9,7:3", "7:9");
}

static void what_is_no_token_is_refused_with_its_place(void **state)
{
    (void)state;
    const char *wrong[] = {
        ",",     "3",
        "3:",    ":3",
        "3:4,",  "3:4,,5:6",
        "3:-1",  "-1:3",
        "256:1", "3:4 ",
        " 3:4",  "3:4;5:6",
        "a:b",   "3:9223372036854775808",
        "3:4:5", "99999999999999999999:1",
        "\xff",  "3:4,\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct position position = {0};
        struct err err = {0};
        assert_false(position_parse(bytes_of_text(wrong[i]), &position, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_null(position.entries);
    }
    struct position position = {0};
    struct err err = {0};
    assert_false(position_parse(BYTES_LITERAL("3:4,x:1"), &position, &err));
    assert_non_null(strstr(err.text, "byte 4"));
}

static void a_token_of_all_partitions_fits(void **state)
{
    (void)state;
    struct position position = {0};
    struct err err;
    for (int32_t i = POSITION_PARTITIONS_MAX; i > 0; i--)
        position_raise(&position, i - 1, INT64_MAX - i);
    char *text = position_text(&position);
    struct position back = {0};
    assert_true(position_parse(bytes_of_text(text), &back, &err));
    assert_int_equal(back.count, POSITION_PARTITIONS_MAX);
    for (size_t i = 0; i < back.count; i++) {
        assert_int_equal(back.entries[i].partition, i);
        assert_true(back.entries[i].next_offset == INT64_MAX - (int64_t)i - 1);
    }
    free(text);
    position_done(&position);
    position_done(&back);
}

static void a_longer_token_is_refused(void **state)
{
    (void)state;
    char *text = malloc(POSITION_TEXT_MAX + 1);
    struct position position = {0};
    struct err err;
    assert_non_null(text);
    memset(text, '1', POSITION_TEXT_MAX + 1);
    assert_false(position_parse((struct bytes){text, POSITION_TEXT_MAX + 1}, &position, &err));
    free(text);
}

static void raising_keeps_the_larger_offset(void **state)
{
    (void)state;
    struct position position = {0};
    position_raise(&position, 4, 10);
    position_raise(&position, 2, 7);
    position_raise(&position, 4, 9);
    position_raise(&position, 2, 8);
    position_raise(&position, 3, 1);
    char *text = position_text(&position);
    assert_string_equal(text, "2:8,3:1,4:10");
    free(text);
    position_done(&position);
    position_done(&position);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_reads_back_in_ascending_order),
        cmocka_unit_test(what_is_no_token_is_refused_with_its_place),
        cmocka_unit_test(a_token_of_all_partitions_fits),
        cmocka_unit_test(a_longer_token_is_refused),
        cmocka_unit_test(raising_keeps_the_larger_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
