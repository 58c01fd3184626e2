/* Bodies that no fixture file can hold: broken bytes, deep and large ones. */
#include "services/gateway/translate.h"

#include "libs/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX (4 << 20)
#define HEAD \
    "{\"update_id\":7,\"message\":{\"message_id\":1,\"date\":1760000000," \
    "\"chat\":{\"id\":5,\"type\":\"private\"},"

static const struct translate_context CONTEXT = {.bot_id = 1, .received_at_ms = 2};

static void append(struct buf *body, const char *data, size_t len)
{
    assert_true(buf_append(body, data, len));
}

static void append_text(struct buf *body, const char *text)
{
    append(body, text, strlen(text));
}

static void append_times(struct buf *body, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        append_text(body, text);
}

/* Translates and forgets the body; the caller ends *out. */
static void translate_body(struct buf *body, struct translation *out)
{
    translate(buf_bytes(body), &CONTEXT, out);
    buf_done(body);
}

static void check_raw(struct buf *body, enum raw_reason reason, int64_t update_id)
{
    struct translation translation;
    translate_body(body, &translation);
    assert_int_equal(translation.outcome, TRANSLATE_RAW);
    assert_int_equal(translation.raw_reason, reason);
    assert_int_equal(translation.event_count, 0);
    assert_true(translation.update_id == update_id);
    translation_done(&translation);
}

static void bytes_that_are_no_utf8_are_unparsable(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } broken[] = {
        {"\x80", 1},         {"\xff", 1},         {"\xc0\xaf", 2},     {"\xc1\xbf", 2},
        {"\xe0\x80\x80", 3}, {"\xed\xa0\x80", 3}, {"\xed\xbf\xbf", 3}, {"\xf4\x90\x80\x80", 4},
        {"\xf0\x9f\x98", 3}, {"\xe2\x82", 2},     {"\0", 1},           {"\x1f", 1},
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct buf body;
        buf_init(&body, BODY_MAX);
        append_text(&body, HEAD "\"text\":\"/start ");
        append(&body, broken[i].bytes, broken[i].len);
        append_text(&body, "\"}}");
        check_raw(&body, RAW_UNPARSABLE, 0);
    }
}

/* `levels` in all: the update, the message and what is opened inside it. */
static void make_deep(struct buf *body, size_t levels, const char *open, const char *close)
{
    buf_init(body, BODY_MAX);
    append_text(body, HEAD "\"text\":\"x\",\"deep\":");
    append_times(body, open, levels - 2);
    append_text(body, "1");
    append_times(body, close, levels - 2);
    append_text(body, "}}");
}

static void sixty_four_levels_are_fine_and_more_are_too_deep(void **state)
{
    (void)state;
    static const size_t too_deep[] = {65, 66, 100, 10000, 300000};
    struct buf body;
    struct translation translation;
    for (size_t levels = 60; levels <= TRANSLATE_LEVELS_MAX; levels++) {
        make_deep(&body, levels, "[", "]");
        translate_body(&body, &translation);
        assert_int_equal(translation.outcome, TRANSLATE_EVENTS);
        translation_done(&translation);
        make_deep(&body, levels, "{\"a\":", "}");
        translate_body(&body, &translation);
        assert_int_equal(translation.outcome, TRANSLATE_EVENTS);
        translation_done(&translation);
    }
    for (size_t i = 0; i < sizeof(too_deep) / sizeof(too_deep[0]); i++) {
        make_deep(&body, too_deep[i], "[", "]");
        check_raw(&body, RAW_TOO_DEEP, 7);
        make_deep(&body, too_deep[i], "{\"a\":", "}");
        check_raw(&body, RAW_TOO_DEEP, 7);
        make_deep(&body, too_deep[i], "[[],", "]");
        check_raw(&body, RAW_TOO_DEEP, 7);
    }
}

static void what_is_deep_and_broken_is_unparsable(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, BODY_MAX);
    append_times(&body, "[", 10000);
    check_raw(&body, RAW_UNPARSABLE, 0);

    buf_init(&body, BODY_MAX);
    append_times(&body, "[", 10000);
    append_times(&body, "]", 10000);
    check_raw(&body, RAW_TOO_DEEP, 0);
}

static void many_neighbours_are_not_deep(void **state)
{
    (void)state;
    struct buf body;
    struct translation translation;
    buf_init(&body, BODY_MAX);
    append_text(&body, HEAD "\"text\":\"x\",\"wide\":[");
    append_times(&body, "{\"a\":[1]},", 100000);
    append_text(&body, "0]}}");
    translate_body(&body, &translation);
    assert_int_equal(translation.outcome, TRANSLATE_EVENTS);
    assert_int_equal(translation.event_count, 1);
    translation_done(&translation);
}

static void a_mebibyte_of_text_makes_its_event(void **state)
{
    (void)state;
    struct buf body;
    struct translation translation;
    buf_init(&body, BODY_MAX);
    append_text(&body, HEAD "\"text\":\"/start ");
    while (body.len < (1 << 20) - 8)
        append_text(&body, "\xd0\xb4\\u0000");
    append_text(&body, "\"}}");
    translate_body(&body, &translation);
    assert_int_equal(translation.event_count, 1);
    struct bytes link = translation.events[0].user_seen.link;
    assert_in_range(link.len, EVENT_LINK_MAX - 3, EVENT_LINK_MAX);
    assert_true(bytes_is_utf8(link));
    assert_null(memchr(link.data, 0, link.len));
    translation_done(&translation);
}

static void all_changed_texts_at_their_limits_fit(void **state)
{
    (void)state;
    struct buf body;
    struct translation translation;
    static const char *const names[] = {"username", "first_name", "last_name", "language_code"};
    buf_init(&body, BODY_MAX);
    append_text(&body, HEAD "\"from\":{\"id\":5");
    for (size_t i = 0; i < 4; i++) {
        assert_true(buf_appendf(&body, ",\"%s\":\"", names[i]));
        append_times(&body, "\\u0000", 300);
        append_text(&body, "\"");
    }
    append_text(&body, "},\"text\":\"/start ");
    append_times(&body, "\\u0000", 3000);
    append_text(&body, "\"}}");
    translate_body(&body, &translation);
    assert_int_equal(translation.event_count, 1);
    const struct event_user_seen *seen = &translation.events[0].user_seen;
    assert_int_equal(seen->link.len, 2046);
    assert_int_equal(seen->personal.username.len, 255);
    assert_int_equal(seen->personal.language_code.len, 255);
    translation_done(&translation);
    translation_done(&translation);
}

static void every_beginning_of_a_body_is_unparsable(void **state)
{
    (void)state;
    static const char whole[] = HEAD "\"text\":\"/start \\ud83d\\ude00 \xd0\xb4\"}}";
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        struct buf body;
        buf_init(&body, BODY_MAX);
        append(&body, whole, len);
        check_raw(&body, RAW_UNPARSABLE, 0);
    }
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < UPDATE_KINDS; i++) {
        const char *name = update_kind_name((enum update_kind)i);
        assert_non_null(name);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, update_kind_name((enum update_kind)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_utf8_are_unparsable),
        cmocka_unit_test(sixty_four_levels_are_fine_and_more_are_too_deep),
        cmocka_unit_test(what_is_deep_and_broken_is_unparsable),
        cmocka_unit_test(many_neighbours_are_not_deep),
        cmocka_unit_test(a_mebibyte_of_text_makes_its_event),
        cmocka_unit_test(all_changed_texts_at_their_limits_fit),
        cmocka_unit_test(every_beginning_of_a_body_is_unparsable),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
