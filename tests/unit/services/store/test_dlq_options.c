#include "services/store/dlq_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS_MAX 12

/* "dlq" and the words, which are separated by blanks. */
static bool parse(const char *words, struct dlq_options *out)
{
    static char text[8192]; /* the options view it */
    char *argv[WORDS_MAX + 2] = {(char[]){"dlq"}};
    int argc = 1;
    struct err err;
    (void)snprintf(text, sizeof(text), "%s", words);
    for (char *at = text; *at != '\0' && argc <= WORDS_MAX;) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    return dlq_options_parse(argc, argv, out, &err);
}

static void a_list_is_of_the_open_ones(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("list", &options));
    assert_true(options.action == DLQ_LIST && options.filter.decision == LETTER_OPEN);
    assert_true(options.filter.cause == NULL && options.filter.partition == -1);
    assert_true(options.limit == 50 && options.from.partition == 0 && options.from.offset == 0);
    assert_true(parse("export", &options));
    assert_true(options.action == DLQ_EXPORT && options.filter.decision == LETTER_ANY);
}

static void a_list_takes_filters(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("list --decision retried --cause bad_row --partition 3 --limit 7 --json "
                      "--from 5:9223372036854775807",
                      &options));
    assert_true(options.filter.decision == LETTER_RETRIED && options.filter.partition == 3);
    assert_string_equal(options.filter.cause, "bad_row");
    assert_true(options.limit == 7 && options.is_json);
    assert_true(options.from.partition == 5 && options.from.offset == INT64_MAX);
    assert_true(parse("list --decision any", &options));
    assert_true(options.filter.decision == LETTER_ANY);
}

static void places_stand_anywhere_among_the_options(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("retry 1:2 --force 3:4", &options));
    assert_true(options.action == DLQ_RETRY && options.forces && options.place_count == 2);
    assert_true(options.places[0].partition == 1 && options.places[0].offset == 2);
    assert_true(options.places[1].partition == 3 && options.places[1].offset == 4);
    assert_true(parse("show --reveal 0:0", &options));
    assert_true(options.action == DLQ_SHOW && options.reveals && options.place_count == 1);
}

static void which_letters_are_meant_is_said_in_one_way(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("retry --all", &options) && parse("retry --cause malformed", &options));
    assert_false(parse("retry", &options) || parse("drop --yes", &options));
    assert_false(parse("retry --all 1:2", &options));
    assert_false(parse("retry --all --cause malformed", &options));
    assert_false(parse("list 1:2", &options) || parse("show 1:2 1:3", &options));
}

static void more_than_one_is_dropped_only_with_a_yes(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("drop 1:2", &options) && parse("drop --yes 1:2 1:3", &options));
    assert_false(parse("drop 1:2 1:3", &options) || parse("drop --all", &options));
    assert_true(parse("drop --all --yes", &options));
}

static void what_is_no_place_or_number_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "show 1",
        "show 1:",
        "show :1",
        "show -1:1",
        "show 1:-1",
        "show 1:1x",
        "show 1:2:3",
        "show 2147483648:1",
        "list --limit 0",
        "list --limit -1",
        "list --limit x",
        "list --limit 1000001",
        "list --from 1",
        "list --partition -1",
        "list --decision all",
        "list --partition 2147483648",
    };
    struct dlq_options options;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++)
        assert_false(parse(WRONG[i], &options));
}

static void options_of_another_command_are_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"list --yes",
                                        "list --output f",
                                        "show --json 1:2",
                                        "retry --limit 1 --all",
                                        "drop --force 1:2",
                                        "export --json",
                                        "retry --partition 1 --all",
                                        "look",
                                        ""};
    struct dlq_options options;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++)
        assert_false(parse(WRONG[i], &options));
}

static void help_is_help_wherever_it_stands(void **state)
{
    (void)state;
    struct dlq_options options;
    assert_true(parse("--help", &options) && options.action == DLQ_HELP);
    assert_true(parse("drop -h", &options) && options.action == DLQ_HELP);
    assert_true(parse("list --limit 3 --help", &options) && options.action == DLQ_HELP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_of_the_open_ones),
        cmocka_unit_test(a_list_takes_filters),
        cmocka_unit_test(places_stand_anywhere_among_the_options),
        cmocka_unit_test(which_letters_are_meant_is_said_in_one_way),
        cmocka_unit_test(more_than_one_is_dropped_only_with_a_yes),
        cmocka_unit_test(what_is_no_place_or_number_is_refused),
        cmocka_unit_test(options_of_another_command_are_refused),
        cmocka_unit_test(help_is_help_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
