#include "services/store/erase_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 10
#define UUID "0199c0de-0000-7abc-8def-0123456789ab"

static bool parse(const char *const *words, struct erase_options *out, struct err *err)
{
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc]; /* getopt only orders them */
    return erase_options_parse(argc, argv, out, err);
}

static void all_options_are_taken(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"erase",  "--user", "-42", "--yes",
                                        "--wait", "--id",   UUID,  NULL};
    static const uint8_t ID[] = {0x01, 0x99, 0xc0, 0xde, 0, 0, 0x7a, 0xbc};
    struct erase_options options;
    struct err err;
    assert_true(parse(WORDS, &options, &err));
    assert_int_equal(options.user_id, -42);
    assert_true(options.is_agreed && options.is_waiting && options.has_id);
    assert_false(options.is_help);
    assert_memory_equal(options.id, ID, sizeof(ID));
}

static void nothing_is_agreed_to_unsaid(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"erase", "--user", "42", NULL};
    struct erase_options options;
    struct err err;
    assert_true(parse(WORDS, &options, &err));
    assert_false(options.is_agreed || options.is_waiting || options.has_id);
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"erase", "--help", NULL};
    struct erase_options options;
    struct err err;
    assert_true(parse(WORDS, &options, &err));
    assert_true(options.is_help);
}

static void wrong_usage_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *says;
    } FAULTS[] = {
        {{"erase"}, "--user is missing"},
        {{"erase", "42"}, "options only"},
        {{"erase", "--user", "42", "43"}, "options only"},
        {{"erase", "--user", "0"}, "not a Telegram id"},
        {{"erase", "--user", "4 2"}, "not a Telegram id"},
        {{"erase", "--user", "9223372036854775808"}, "not a Telegram id"},
        {{"erase", "--user", "4611686018427387904"}, "pseudonym"},
        {{"erase", "--user", "-6917529027641081855"}, "pseudonym"},
        {{"erase", "--user"}, "without its value"},
        {{"erase", "--nobody"}, "unknown option"},
        {{"erase", "--user", "42", "--id", "0199C0DE-0000-7abc-8def-0123456789ab"}, "--id"},
        {{"erase", "--user", "42", "--id", "0199c0de-0000-4abc-8def-0123456789ab"}, "--id"},
        {{"erase", "--user", "42", "--id", ""}, "--id"},
    };
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(*FAULTS); i++) {
        struct erase_options options;
        struct err err;
        assert_false(parse(FAULTS[i].words, &options, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.text, FAULTS[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_options_are_taken),
        cmocka_unit_test(nothing_is_agreed_to_unsaid),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(wrong_usage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
