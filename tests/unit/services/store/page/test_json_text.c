#include "services/store/page/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct json_text json;

static int setup(void **state)
{
    (void)state;
    json_text_init(&json, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_text_done(&json);
    return 0;
}

static void expect(const char *text)
{
    assert_true(json_text_is_whole(&json));
    assert_int_equal(json.out.len, strlen(text));
    assert_memory_equal(json.out.data, text, json.out.len);
}

static void members_stand_in_order_with_commas_between(void **state)
{
    (void)state;
    json_text_open(&json, NULL, '{');
    json_text_number(&json, "least", INT64_MIN);
    json_text_bool(&json, "yes", true);
    json_text_bool(&json, "no", false);
    json_text_open(&json, "list", '[');
    json_text_number(&json, NULL, 1);
    json_text_null(&json, NULL);
    json_text_open(&json, NULL, '{');
    json_text_close(&json, '}');
    json_text_close(&json, ']');
    json_text_null(&json, "none");
    json_text_close(&json, '}');
    expect("{\"least\":-9223372036854775808,\"yes\":true,\"no\":false,\"list\":[1,null,{}],"
           "\"none\":null}");
}

static void an_id_beyond_what_javascript_knows_exactly_is_a_text(void **state)
{
    (void)state;
    json_text_id(&json, NULL, INT64_C(4611686018427387905));
    expect("\"4611686018427387905\"");
}

static void what_may_not_stand_in_a_string_is_escaped(void **state)
{
    (void)state;
    static const char TEXT[] = "a\"b\\c\n\x01\x00</script>\x7f\xc3\xa4";
    json_text_string(&json, NULL, (struct bytes){TEXT, sizeof(TEXT) - 1});
    expect("\"a\\\"b\\\\c\\u000a\\u0001\\u0000</script>\\u007f\xc3\xa4\"");
}

static void an_empty_string_is_empty(void **state)
{
    (void)state;
    json_text_string(&json, NULL, (struct bytes){0});
    expect("\"\"");
}

static void what_does_not_fit_is_told_and_stays_told(void **state)
{
    (void)state;
    struct json_text small;
    json_text_init(&small, 8);
    json_text_string(&small, NULL, BYTES_LITERAL("123456"));
    assert_true(json_text_is_whole(&small));
    json_text_close(&small, ']');
    assert_false(json_text_is_whole(&small));
    json_text_done(&small);

    json_text_init(&small, 8);
    json_text_string(&small, NULL, BYTES_LITERAL("1234567"));
    json_text_close(&small, ']'); /* would fit again */
    assert_false(json_text_is_whole(&small));
    json_text_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_stand_in_order_with_commas_between, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_id_beyond_what_javascript_knows_exactly_is_a_text, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_may_not_stand_in_a_string_is_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_string_is_empty, setup, teardown),
        cmocka_unit_test(what_does_not_fit_is_told_and_stays_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
