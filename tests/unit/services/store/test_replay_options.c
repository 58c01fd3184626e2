/* replay_options: the words after `telefact-store replay`. */
#include "services/store/replay_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 24

/* "replay" and the words of a line. */
static bool parse(const char *line, struct replay_options *out, struct err *err)
{
    static char text[256];
    static char first[] = "replay";
    char *argv[WORDS_MAX + 1] = {first};
    int argc = 1;
    (void)strncpy(text, line, sizeof(text) - 1);
    char *rest = text;
    for (char *word = strtok_r(rest, " ", &rest); word != NULL && argc < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return replay_options_parse(argc, argv, out, err);
}

static void defaults_are_safe(void **state)
{
    struct replay_options options;
    struct err err;
    (void)state;
    assert_true(parse("start", &options, &err));
    assert_int_equal(options.action, REPLAY_START);
    assert_false(options.is_swapped_when_ready || options.is_forced || options.is_only_made);
    assert_false(options.has_as_of_time || options.has_as_of_position);
    assert_int_equal(options.generation, 0);
    assert_int_equal(options.grace_ms, INT64_C(24) * 3600 * 1000);
    assert_int_equal(options.cpu_percent, 100);
    assert_int_equal(options.memory_bytes, 256 << 20);
    assert_int_equal(options.live_lag_max, 10000);
    assert_string_equal(options.expected_differences, "");
    assert_null(options.admin_listen);
    replay_options_done(&options);
}

static void every_option_is_taken(void **state)
{
    struct replay_options options;
    struct err err;
    (void)state;
    assert_true(parse("start --swap --force --no-work --json --grace-hours 2 --cpu-percent 50 "
                      "--max-live-lag 7 --expect-differences users.lang,music --as-of 1:5,0:3 "
                      "--admin-listen 127.0.0.1:9102",
                      &options, &err));
    assert_true(options.is_swapped_when_ready && options.is_forced && options.is_only_made);
    assert_true(options.is_json && options.has_as_of_position);
    assert_int_equal(options.grace_ms, 7200000);
    assert_int_equal(options.cpu_percent, 50);
    assert_int_equal(options.live_lag_max, 7);
    assert_string_equal(options.expected_differences, "users.lang,music");
    assert_string_equal(options.admin_listen, "127.0.0.1:9102");
    assert_int_equal(options.as_of_position.count, 2);
    assert_int_equal(options.as_of_position.entries[1].next_offset, 5);
    replay_options_done(&options);
    assert_true(parse("work 12 --swap", &options, &err));
    assert_int_equal(options.generation, 12);
    replay_options_done(&options);
}

static void moments_are_read_as_utc(void **state)
{
    static const struct {
        const char *line;
        int64_t ms;
    } CASES[] = {
        {"start --as-of 1970-01-01T00:00:00Z", 0},
        {"start --as-of 2000-02-29T12:00:01Z", INT64_C(951825601000)},
        {"start --as-of 2026-11-30T23:59:59Z", INT64_C(1796083199000)},
        {"start --as-of 2100-03-01T00:00:00Z", INT64_C(4107542400000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct replay_options options;
        struct err err;
        assert_true(parse(CASES[i].line, &options, &err));
        assert_true(options.has_as_of_time);
        assert_int_equal(options.as_of_ms, CASES[i].ms);
        replay_options_done(&options);
    }
}

static void wrong_usage_is_refused_and_says_why(void **state)
{
    static const struct {
        const char *line, *says;
    } CASES[] = {
        {"", "start, work"},
        {"begin", "\"begin\" is none of its words"},
        {"start 3", "\"3\" is too much"},
        {"work x", "\"x\" is no number"},
        {"work 0", "\"0\" is no number"},
        {"drop", "which generation?"},
        {"pause --swap", "see replay --help"},
        {"start --memory-mib 15", "--memory-mib: 16 to 65536, not \"15\""},
        {"work --memory-mib x", "--memory-mib: 0 to 65536"},
        {"start --cpu-percent 0", "--cpu-percent: 1 to 100"},
        {"start --cpu-percent 101", "--cpu-percent: 0 to 100"},
        {"start --grace-hours -1", "--grace-hours"},
        {"start --as-of yesterday", "--as-of: a time like"},
        {"start --as-of 2026-13-01T00:00:00Z", "--as-of: a time like"},
        {"start --as-of 2026-11-30T24:00:00Z", "--as-of: a time like"},
        {"start --as-of 1:5,1:6,", "--as-of: a time like"},
        {"list 2", "too much"},
        {"status --admin-listen 127.0.0.1:1", "see replay --help"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct replay_options options;
        struct err err = {0};
        assert_false(parse(CASES[i].line, &options, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.text, CASES[i].says));
        replay_options_done(&options);
    }
}

static void help_is_an_action(void **state)
{
    struct replay_options options;
    struct err err;
    (void)state;
    assert_true(parse("--help", &options, &err));
    assert_int_equal(options.action, REPLAY_HELP);
    assert_true(parse("swap --help", &options, &err));
    assert_int_equal(options.action, REPLAY_HELP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_safe),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(moments_are_read_as_utc),
        cmocka_unit_test(wrong_usage_is_refused_and_says_why),
        cmocka_unit_test(help_is_an_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
