#include "libs/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void appends_grow_up_to_the_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    for (int i = 0; i < 100; i++)
        assert_true(buf_append(&buf, "0123456789", 10));
    assert_int_equal(buf.len, 1000);
    assert_memory_equal(buf.data + 990, "0123456789", 10);
    buf_done(&buf);
}

static void append_past_the_maximum_changes_nothing(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    assert_true(buf_append(&buf, "abc", 3));
    assert_false(buf_append(&buf, "de", 2));
    assert_false(buf_appendf(&buf, "%d", 10));
    assert_null(buf_reserve(&buf, 2));
    assert_true(bytes_equal(buf_bytes(&buf), BYTES_LITERAL("abc")));
    assert_true(buf_appendf(&buf, "%d", 1));
    assert_true(bytes_equal(buf_bytes(&buf), BYTES_LITERAL("abc1")));
    buf_done(&buf);
}

static void formatted_text_may_fill_the_maximum_exactly(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 300);
    assert_true(buf_appendf(&buf, "%300s", "x"));
    assert_int_equal(buf.len, 300);
    assert_int_equal(buf.data[299], 'x');
    assert_false(buf_appendf(&buf, "y"));
    assert_true(buf_appendf(&buf, "%s", ""));
    buf_done(&buf);
}

static void reserved_room_is_written_in_place(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    char *room = buf_reserve(&buf, 5);
    memcpy(room, "hello", 5);
    buf.len += 5;
    assert_true(bytes_equal(buf_bytes(&buf), BYTES_LITERAL("hello")));
    buf_done(&buf);
}

static void clear_keeps_the_memory_and_done_frees_it(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    assert_true(buf_append(&buf, "x", 1));
    char *data = buf.data;
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_true(buf_append(&buf, "y", 1));
    assert_ptr_equal(buf.data, data);
    buf_done(&buf);
    assert_null(buf.data);
    buf_done(&buf);
    buf_done(&(struct buf){0});
}

static void nothing_may_be_appended(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    assert_true(buf_append(&buf, NULL, 0));
    assert_false(buf_append(&buf, "x", 1));
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow_up_to_the_maximum),
        cmocka_unit_test(append_past_the_maximum_changes_nothing),
        cmocka_unit_test(formatted_text_may_fill_the_maximum_exactly),
        cmocka_unit_test(reserved_room_is_written_in_place),
        cmocka_unit_test(clear_keeps_the_memory_and_done_frees_it),
        cmocka_unit_test(nothing_may_be_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
