#include "libs/base/command_line.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fake_settings {
    int touched;
};

static int ran;     /* what ran last */
static int ended;   /* settings that were given back */
static bool zeroed; /* they came zeroed */

static int note(void *self, int number)
{
    struct fake_settings *settings = self;
    zeroed = settings->touched == 0;
    settings->touched = 1;
    ran = number;
    return number;
}

static int run(void *settings)
{
    return note(settings, 10);
}

static int create(void *settings)
{
    return note(settings, 11);
}

static int check_config(void *settings)
{
    return note(settings, 12);
}

static void done(void *settings)
{
    assert_int_equal(((struct fake_settings *)settings)->touched, 1);
    ended++;
}

static void print_reference(FILE *out)
{
    (void)out;
    ran = 13;
}

static int take(void *settings, int argc, char **argv)
{
    assert_string_equal(argv[0], "hook");
    return note(settings, 20 + argc);
}

static const struct subcommand SUBCOMMANDS[] = {{.words = "run", .run = run},
                                                {.words = "topics create", .run = create},
                                                {.words = "hook", .run_with = take}};
static const struct command_line LINE = {
    .name = "program",
    .version = "1.2.3",
    .synopsis = "  run\n",
    .subcommands = SUBCOMMANDS,
    .count = 3,
    .settings_size = sizeof(struct fake_settings),
    .settings_done = done,
    .check_config = check_config,
    .print_reference = print_reference,
};

/* The exit code for the words, separated by single spaces. */
static int say(const char *text)
{
    char copy[100];
    char *argv[8];
    int argc = 0;
    (void)snprintf(copy, sizeof(copy), "program %s", text);
    char *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    optind = 1;
    ran = 0;
    ended = 0;
    return command_line_run(&LINE, argc, argv);
}

static void no_words_run_the_first_subcommand(void **state)
{
    (void)state;
    assert_int_equal(say(""), 10);
    assert_int_equal(say("run"), 10);
    assert_true(zeroed);
    assert_int_equal(ended, 1);
}

static void several_words_name_one_subcommand(void **state)
{
    (void)state;
    assert_int_equal(say("topics create"), 11);
    assert_int_equal(ended, 1);
}

static void one_word_takes_what_follows(void **state)
{
    (void)state;
    assert_int_equal(say("hook"), 21);
    assert_int_equal(say("hook set --url x"), 24);
    assert_true(zeroed);
    assert_int_equal(ended, 1);
}

static void wrong_words_run_nothing(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"topics",  "topics create now", "ru",           "runs",
                                        "run run", "--no-such-option",  "create topics"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
        assert_int_equal(say(WRONG[i]), EXIT_USAGE);
        assert_int_equal(ran, 0);
    }
}

static void options_do_their_one_thing(void **state)
{
    (void)state;
    assert_int_equal(say("--check-config"), 12);
    assert_int_equal(say("--print-settings"), 0);
    assert_int_equal(ran, 13);
    assert_int_equal(say("--help"), 0);
    assert_int_equal(say("-V"), 0);
    assert_int_equal(ran, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_words_run_the_first_subcommand),
        cmocka_unit_test(several_words_name_one_subcommand),
        cmocka_unit_test(one_word_takes_what_follows),
        cmocka_unit_test(wrong_words_run_nothing),
        cmocka_unit_test(options_do_their_one_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
