#include "services/store/verify_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One to three words after "verify"; NULL: none. */
static bool parse(const char *first, const char *second, const char *third,
                  struct verify_options *out)
{
    const char *const words[] = {"verify", first, second, third};
    char *argv[5] = {NULL};
    int argc = 0;
    struct err err;
    for (size_t i = 0; i < 4 && words[i] != NULL; i++)
        argv[argc++] = strdup(words[i]);
    bool is_parsed = verify_options_parse(argc, argv, out, &err);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return is_parsed;
}

static void without_options_it_is_the_active_generation_for_people(void **state)
{
    (void)state;
    struct verify_options options;
    assert_true(parse(NULL, NULL, NULL, &options));
    assert_true(options.generation == 0 && !options.is_json && !options.is_help);
}

static void options_are_taken_in_any_order(void **state)
{
    (void)state;
    struct verify_options options;
    assert_true(parse("--json", "--generation", "7", &options));
    assert_true(options.generation == 7 && options.is_json && !options.is_help);
    assert_true(parse("--generation=2147483647", "--help", NULL, &options));
    assert_true(options.generation == INT32_MAX && !options.is_json && options.is_help);
}

static void what_is_no_generation_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"0", "-1", "2147483648", "g1", ""};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
        struct verify_options options = {.generation = 5};
        assert_false(parse("--generation", WRONG[i], NULL, &options));
        assert_int_equal(options.generation, 5);
    }
}

static void more_words_are_refused(void **state)
{
    (void)state;
    struct verify_options options;
    assert_false(parse("g1", NULL, NULL, &options));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_it_is_the_active_generation_for_people),
        cmocka_unit_test(options_are_taken_in_any_order),
        cmocka_unit_test(what_is_no_generation_is_refused),
        cmocka_unit_test(more_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
