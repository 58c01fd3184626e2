#include "libs/ops/refusals.h"

#include "libs/ops/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { UNUSED, WRONG, EACH, ALARM, TABLE };

static struct refusal table[TABLE] = {
    [WRONG] = {.code = "wrong", .msg = "it is wrong"},
    [EACH] = {.code = "each", .msg = "each is told", .is_each = true},
    [ALARM] = {.code = "alarm", .msg = "somebody must act", .is_alarm = true},
};
static struct refusal more[] = {{.code = "wrong", .msg = "it is wrong too"}};

static char text[65536];

/* What it writes to standard error, into `text`. */
static void capture(struct refusal *refusal, int times)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    for (int i = 0; i < times; i++)
        log_refusal(refusal, LOG_INT("number", i));
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    (void)close(ends[0]);
    text[len > 0 ? len : 0] = '\0';
}

static size_t count(const char *part)
{
    size_t found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        found++;
    return found;
}

static void render(void)
{
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    assert_true(metrics_render(&out));
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    buf_done(&out);
}

static void a_flood_is_one_line_and_counted_whole(void **state)
{
    (void)state;
    capture(&table[WRONG], 100);
    assert_int_equal(count("\n"), 1);
    assert_int_equal(count("level=warn"), 1);
    assert_int_equal(count("msg=\"it is wrong\" where=here code=wrong number=0 suppressed=0\n"), 1);
    render();
    assert_int_equal(count("refusals_total{where=\"here\",code=\"wrong\"} 100\n"), 1);
}

static void the_same_code_elsewhere_is_another_refusal(void **state)
{
    (void)state;
    capture(&more[0], 1);
    assert_int_equal(count("where=there code=wrong"), 1);
    render();
    assert_int_equal(count("refusals_total{where=\"there\",code=\"wrong\"} 1\n"), 1);
}

static void what_others_bound_is_told_each_time(void **state)
{
    (void)state;
    capture(&table[EACH], 3);
    assert_int_equal(count("code=each number="), 3);
    assert_int_equal(count("suppressed"), 0);
}

static void an_alarm_is_an_error(void **state)
{
    (void)state;
    capture(&table[ALARM], 1);
    assert_int_equal(count("level=error"), 1);
}

static void every_code_is_a_series_of_one_family(void **state)
{
    (void)state;
    render();
    assert_int_equal(count("# TYPE refusals_total counter\n"), 1);
    assert_int_equal(count("\nrefusals_total{"), 4);
}

static void what_was_not_added_is_told_but_not_counted(void **state)
{
    struct refusal alone = {.code = "alone", .msg = "nobody added it"};
    (void)state;
    capture(&alone, 1);
    assert_int_equal(count("code=alone"), 1);
    render();
    assert_int_equal(count("alone"), 0);
}

static int add(void **state)
{
    (void)state;
    log_init("test", "1", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    refusals_add("here", table, TABLE);
    refusals_add("there", more, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_one_line_and_counted_whole),
        cmocka_unit_test(the_same_code_elsewhere_is_another_refusal),
        cmocka_unit_test(what_others_bound_is_told_each_time),
        cmocka_unit_test(an_alarm_is_an_error),
        cmocka_unit_test(every_code_is_a_series_of_one_family),
        cmocka_unit_test(what_was_not_added_is_told_but_not_counted),
    };
    return cmocka_run_group_tests(tests, add, NULL);
}
