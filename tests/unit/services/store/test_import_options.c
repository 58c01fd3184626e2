#include "services/store/import_options.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WORDS_MAX 16

static bool parse(const char *const *words, struct import_options *out, struct err *err)
{
    char *argv[WORDS_MAX] = {0};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    return import_options_parse(argc, argv, out, err);
}

static void what_is_not_said_is_standard(void **state)
{
    struct import_options options;
    struct err err;
    (void)state;
    const char *const words[] = {"import", "tt", "--from", "host=h", NULL};
    assert_true(parse(words, &options, &err));
    assert_string_equal(options.from, "host=h");
    assert_null(options.from_file);
    assert_string_equal(options.source, "tt");
    assert_string_equal(options.schema, "public");
    assert_false(options.is_dry_run || options.is_json || options.is_help);
}

static void every_option_is_taken(void **state)
{
    struct import_options options;
    struct err err;
    (void)state;
    const char *const words[] = {"import",   "tt", "--from-file", "f",      "--source", "old bot",
                                 "--schema", "s",  "--dry-run",   "--json", NULL};
    assert_true(parse(words, &options, &err));
    assert_string_equal(options.from_file, "f");
    assert_string_equal(options.source, "old bot");
    assert_string_equal(options.schema, "s");
    assert_true(options.is_dry_run && options.is_json);
}

static void help_needs_nothing_else(void **state)
{
    struct import_options options;
    struct err err;
    (void)state;
    const char *const first[] = {"import", "--help", NULL};
    const char *const second[] = {"import", "tt", "-h", NULL};
    assert_true(parse(first, &options, &err) && options.is_help);
    assert_true(parse(second, &options, &err) && options.is_help);
}

static void wrong_usage_is_refused_without_the_connection_string(void **state)
{
    (void)state;
    static const char long_name[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 65 bytes */
    static const char *const cases[][8] = {
        {"import"},
        {"import", "support", "--from", "password=Canary"},
        {"import", "password=Canary"},
        {"import", "tt"},
        {"import", "tt", "--from", "password=Canary", "--from-file", "f"},
        {"import", "tt", "--from"},
        {"import", "tt", "password=Canary"},
        {"import", "tt", "--from", "a", "password=Canary"},
        {"import", "tt", "--password=Canary"},
        {"import", "tt", "--from", "password=Canary", "--source", ""},
        {"import", "tt", "--from", "password=Canary", "--source", "a\nb"},
        {"import", "tt", "--from", "password=Canary", "--source", "\xff"},
        {"import", "tt", "--from", "password=Canary", "--source", long_name},
        {"import", "tt", "--from", "password=Canary", "--schema", ""},
        {"import", "tt", "--from", "password=Canary", "--schema", long_name},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct import_options options;
        struct err err = {0};
        assert_false(parse(cases[i], &options, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_null(strstr(err.text, "Canary"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_standard),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(wrong_usage_is_refused_without_the_connection_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
