#include "libs/json/settings_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The table of RFC 7396, appendix A, as far as settings are objects; then our own edges. */
static void patches_merge_as_rfc_7396_says(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *patch, *result;
    } CASES[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{}", "{}", "{}"},
        {"{}", "{\"n\":12345678901234567890.10}", "{\"n\":12345678901234567890.10}"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf out;
        buf_init(&out, SETTINGS_TEXT_MAX);
        assert_null(settings_patch_fault(bytes_of_text(CASES[i].patch)));
        assert_true(settings_patch_apply(bytes_of_text(CASES[i].settings),
                                         bytes_of_text(CASES[i].patch), &out));
        assert_true(bytes_equal(buf_bytes(&out), bytes_of_text(CASES[i].result)));
        buf_done(&out);
    }
}

static void what_cannot_be_applied_has_a_fault(void **state)
{
    (void)state;
    static const char *const PATCHES[] = {
        "",
        "{",
        "[]",
        "1",
        "null",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":nan}",
        "{\"a\":01}",
        "{\"a\":1,\"a\":2}",
        "{\"\\u0061\":1,\"a\":2}",
        "{\"x\":[{\"a\":1,\"a\":1}]}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1e309}",
        "{\"a\":1e999999999999999999999}",
        "{\"a\":11111111111111111111111111111111111111111111111111111111111111111}",
    };
    for (size_t i = 0; i < sizeof(PATCHES) / sizeof(PATCHES[0]); i++) {
        const char *fault = settings_patch_fault(bytes_of_text(PATCHES[i]));
        assert_non_null(fault);
        assert_memory_equal(fault, "user_settings_patched.merge_patch: ", 35);
    }
    assert_null(settings_patch_fault(BYTES_LITERAL("{\"a\":1e308,\"b\":-1E-308,\"c\":2e+3}")));
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (int levels = 31; levels <= 34; levels++) {
        char text[512] = "{\"a\":";
        size_t len = 5;
        for (int i = 0; i < levels - 1; i++)
            text[len++] = '[';
        for (int i = 0; i < levels - 1; i++)
            text[len++] = ']';
        text[len++] = '}';
        assert_int_equal(settings_patch_fault((struct bytes){text, len}) == NULL,
                         levels <= SETTINGS_LEVELS_MAX);
    }
}

/* However the text is written, the weight is the same: spaces and digits do not count. */
static void the_weight_of_settings_is_bounded(void **state)
{
    (void)state;
    static char settings[SETTINGS_WEIGHT_MAX + 100];
    /* The object, three keys and three values are 56 and three letters. */
    size_t len = SETTINGS_WEIGHT_MAX - 59;
    (void)snprintf(settings, sizeof(settings), "{ \"a\" : \"%0*d\" , \"b\" : 1 }", (int)len, 0);
    struct buf out;
    buf_init(&out, SETTINGS_TEXT_MAX);
    assert_true(
        settings_patch_apply(bytes_of_text(settings), BYTES_LITERAL("{\"c\":1e300}"), &out));
    buf_clear(&out);
    assert_false(settings_patch_apply(bytes_of_text(settings), BYTES_LITERAL("{\"cc\":1}"), &out));
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_merge_as_rfc_7396_says),
        cmocka_unit_test(what_cannot_be_applied_has_a_fault),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(the_weight_of_settings_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
