#include "services/store/page/page_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const WORDS[] = {"hour", "day", NULL};

static struct page_query parse(const char *text)
{
    struct page_query query;
    struct err err;
    if (!page_query_parse(bytes_of_text(text), &query, &err))
        fail_msg("%s: %s", text, err.text);
    return query;
}

static void arguments_are_taken_by_name(void **state)
{
    (void)state;
    struct page_query query = parse("to=9&bucket=day&from=-5");
    const struct page_numbers from = {"from", -5, 5};
    const struct page_numbers to = {"to", 0, 9};
    const struct page_numbers limit = {"limit", 1, 1};
    int64_t numbers[] = {0, 0, 42};
    int word = 0;
    struct err err;
    assert_true(page_query_number(&query, &from, &numbers[0], &err) && numbers[0] == -5);
    assert_false(page_query_end(&query, &err));
    assert_true(page_query_number(&query, &to, &numbers[1], &err) && numbers[1] == 9);
    assert_true(page_query_word(&query, "bucket", WORDS, &word, &err) && word == 1);
    assert_true(page_query_number(&query, &limit, &numbers[2], &err) && numbers[2] == 42);
    assert_true(page_query_word(&query, "class", WORDS, &word, &err) && word == 1);
    assert_true(page_query_end(&query, &err));
}

static void nothing_is_a_query(void **state)
{
    (void)state;
    struct page_query query = parse("");
    struct err err;
    assert_int_equal(query.count, 0);
    assert_true(page_query_end(&query, &err));
}

static void every_other_form_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "a",     "a=",       "=1",         "a=1&",
        "&a=1",  "a=1&&b=2", "a=1&a=2",    "a=%31",
        "a=+",   "a=1 ",     "a=1=2",      "a=\xc3\xa4",
        "a=1&b", "a=1;b=2",  "a=<script>", "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
        struct page_query query;
        struct err err = {0};
        if (page_query_parse(bytes_of_text(WRONG[i]), &query, &err))
            fail_msg("taken: %s", WRONG[i]);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_memory_equal(err.text, "query: ", 7);
    }
}

static void a_wrong_value_names_its_argument(void **state)
{
    (void)state;
    struct page_query query = parse("limit=0&seconds=x&bucket=week&now=9223372036854775808");
    const struct page_numbers limit = {"limit", 1, 1000};
    const struct page_numbers seconds = {"seconds", 0, INT64_MAX};
    const struct page_numbers now = {"now", 0, INT64_MAX};
    int64_t number = 7;
    int word = 7;
    struct err err = {0};
    assert_false(page_query_number(&query, &limit, &number, &err));
    assert_string_equal(err.text, "limit: must be 1 to 1000");
    assert_false(page_query_number(&query, &seconds, &number, &err));
    assert_memory_equal(err.text, "seconds: ", 9);
    assert_false(page_query_number(&query, &now, &number, &err));
    assert_false(page_query_word(&query, "bucket", WORDS, &word, &err));
    assert_string_equal(err.text, "bucket: not a known value");
    assert_true(number == 7 && word == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_taken_by_name),
        cmocka_unit_test(nothing_is_a_query),
        cmocka_unit_test(every_other_form_is_refused),
        cmocka_unit_test(a_wrong_value_names_its_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
