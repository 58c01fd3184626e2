#include "services/store/verify_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct verify_subject SUBJECT = {.bot_id = 42, .generation = 3, .position = "0:5,1:7"};
static const struct verify_finding GOOD = {
    .name = "aliases", .compares = {"all is well|", 11}, .took_ms = 2};
static const struct verify_finding BAD = {.name = "users",
                                          .compares = {"each has one", 12},
                                          .differences = 1234567890123,
                                          .examples = {"{\"user_id\":5}", "{\"user_id\":-6}"},
                                          .example_count = 2,
                                          .took_ms = 9};

/* The whole report; freed by the caller. */
static char *report_of(bool is_json, bool is_complete, int *out_wrong)
{
    char *text = NULL;
    size_t len = 0;
    struct verify_report report = {.out = open_memstream(&text, &len), .is_json = is_json};
    verify_report_begin(&report, &SUBJECT);
    verify_report_find(&report, &GOOD);
    verify_report_find(&report, &BAD);
    verify_report_end(&report, is_complete);
    *out_wrong = report.wrong;
    assert_int_equal(fclose(report.out), 0);
    return text;
}

static void people_read_lines(void **state)
{
    (void)state;
    int wrong = 0;
    char *text = report_of(false, true, &wrong);
    assert_string_equal(text, "bot 42, generation 3, position 0:5,1:7\n"
                              "ok    aliases: all is well\n"
                              "WRONG users: each has one\n"
                              "      1234567890123 rows differ, among them\n"
                              "      {\"user_id\":5}\n"
                              "      {\"user_id\":-6}\n"
                              "2 checks, 1 found differences\n");
    assert_int_equal(wrong, 1);
    free(text);
}

static void programs_read_one_object(void **state)
{
    (void)state;
    int wrong = 0;
    char *text = report_of(true, true, &wrong);
    assert_string_equal(
        text, "{\"bot_id\":42,\"generation\":3,\"position\":\"0:5,1:7\",\"checks\":[\n"
              "{\"name\":\"aliases\",\"compares\":\"all is well\",\"differences\":0,\"ms\":2,"
              "\"examples\":[]},\n"
              "{\"name\":\"users\",\"compares\":\"each has one\",\"differences\":1234567890123,"
              "\"ms\":9,\"examples\":[{\"user_id\":5},{\"user_id\":-6}]}],\"wrong\":1,"
              "\"complete\":true}\n");
    free(text);
}

static void an_end_before_the_last_check_is_said(void **state)
{
    (void)state;
    int wrong = 0;
    char *text = report_of(false, false, &wrong);
    assert_non_null(strstr(text, "2 checks, 1 found differences, and the others did not run\n"));
    free(text);
    text = report_of(true, false, &wrong);
    assert_non_null(strstr(text, "],\"wrong\":1,\"complete\":false}\n"));
    free(text);
}

static void nothing_is_reported_of_what_was_not_looked_at(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct verify_report report = {.out = open_memstream(&text, &len), .is_json = true};
    verify_report_end(&report, false);
    assert_int_equal(fclose(report.out), 0);
    assert_int_equal(len, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_read_lines),
        cmocka_unit_test(programs_read_one_object),
        cmocka_unit_test(an_end_before_the_last_check_is_said),
        cmocka_unit_test(nothing_is_reported_of_what_was_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
