#include "libs/base/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define PARENT "00-" ID "-" SPAN "-01"

static const struct bytes NONE = {NULL, 0};

static void what_is_well_formed_is_taken_as_it_is(void **state)
{
    (void)state;
    struct trace trace;
    assert_true(trace_read(BYTES_LITERAL(PARENT), BYTES_LITERAL("a=1,b@c=2"), &trace));
    assert_string_equal(trace.parent, PARENT);
    assert_true(bytes_equal(trace.state, BYTES_LITERAL("a=1,b@c=2")));
    trace_take(BYTES_LITERAL("00-" ID "-" SPAN "-00"), NONE, &trace);
    assert_string_equal(trace.parent, "00-" ID "-" SPAN "-00");
    assert_int_equal(trace.state.len, 0);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "00-" ID "-" SPAN "-0",
        "00-" ID "-" SPAN "-011",
        "00-" ID "-" SPAN "-01-x",
        "00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01",
        "01-" ID "-" SPAN "-01",
        "ff-" ID "-" SPAN "-01",
        "00-" ID "-" SPAN "-0g",
        "00-" ID "-" SPAN "\r\n1",
        "00_" ID "_" SPAN "_01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" ID "-0000000000000000-01",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct trace trace = {.parent = "kept"};
        char id[TRACE_ID_LEN + 1];
        assert_false(trace_read(bytes_of_text(wrong[i]), BYTES_LITERAL("a=1"), &trace));
        assert_string_equal(trace.parent, "kept");
        trace_id_of(bytes_of_text(wrong[i]), id);
        assert_string_equal(id, "");
    }
}

static void a_state_of_no_use_is_dropped_alone(void **state)
{
    (void)state;
    static char longest[TRACE_STATE_MAX + 2];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[1] = '=';
    struct trace trace;
    static const char *const wrong[] = {"", "a", "a=\n", "a=\xC3\xA9"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_true(trace_read(BYTES_LITERAL(PARENT), bytes_of_text(wrong[i]), &trace));
        assert_int_equal(trace.state.len, 0);
    }
    assert_true(trace_read(BYTES_LITERAL(PARENT), bytes_of_text(longest), &trace));
    assert_int_equal(trace.state.len, 0);
    longest[TRACE_STATE_MAX] = '\0';
    assert_true(trace_read(BYTES_LITERAL(PARENT), bytes_of_text(longest), &trace));
    assert_int_equal(trace.state.len, TRACE_STATE_MAX);
}

static void what_begins_here_is_well_formed_and_new(void **state)
{
    (void)state;
    struct trace first;
    struct trace second;
    struct trace read;
    trace_take(BYTES_LITERAL("nonsense"), BYTES_LITERAL("a=1"), &first);
    trace_begin(&second);
    assert_true(trace_read(bytes_of_text(first.parent), NONE, &read));
    assert_true(trace_read(bytes_of_text(second.parent), NONE, &read));
    assert_int_equal(first.state.len, 0);
    assert_string_equal(first.parent + TRACE_PARENT_LEN - 3, "-01");
    assert_memory_not_equal(first.parent + 3, second.parent + 3, TRACE_ID_LEN);
}

static void a_child_is_of_the_same_trace(void **state)
{
    (void)state;
    struct trace trace;
    struct trace child;
    char id[TRACE_ID_LEN + 1];
    assert_true(trace_read(BYTES_LITERAL("00-" ID "-" SPAN "-00"), BYTES_LITERAL("a=1"), &trace));
    trace_child(&trace, &child);
    trace_id(&child, id);
    assert_string_equal(id, ID);
    assert_memory_not_equal(child.parent + 36, SPAN, 16);
    assert_string_equal(child.parent + TRACE_PARENT_LEN - 3, "-00");
    assert_true(bytes_equal(child.state, BYTES_LITERAL("a=1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_formed_is_taken_as_it_is),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_state_of_no_use_is_dropped_alone),
        cmocka_unit_test(what_begins_here_is_well_formed_and_new),
        cmocka_unit_test(a_child_is_of_the_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
