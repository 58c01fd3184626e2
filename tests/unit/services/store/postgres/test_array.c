#include "services/store/postgres/array.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void an_array_has_the_servers_binary_form(void **state)
{
    (void)state;
    struct array array = {0};
    array_int32(&array, 1);
    array_null(&array);
    array_int32(&array, -2);
    array_finish(&array, ARRAY_INT32);
    static const char wanted[] = "\0\0\0\1"  /* one dimension */
                                 "\0\0\0\1"  /* with NULLs */
                                 "\0\0\0\27" /* of int4 */
                                 "\0\0\0\3"
                                 "\0\0\0\1" /* from index 1 */
                                 "\0\0\0\4\0\0\0\1"
                                 "\377\377\377\377"
                                 "\0\0\0\4\377\377\377\376";
    assert_int_equal(array.len, sizeof(wanted) - 1);
    assert_memory_equal(array.data, wanted, sizeof(wanted) - 1);
    array_done(&array);
}

static void elements_of_each_type_have_their_length(void **state)
{
    (void)state;
    struct array array = {0};
    array_bool(&array, true);
    array_int16(&array, 258);
    array_int64(&array, INT64_MIN);
    array_bytes(&array, BYTES_LITERAL("a\0b"));
    array_bytes(&array, BYTES_LITERAL(""));
    array_bytes(&array, (struct bytes){0});
    static const char wanted[] = "\0\0\0\1\1"
                                 "\0\0\0\2\1\2"
                                 "\0\0\0\10\200\0\0\0\0\0\0\0"
                                 "\0\0\0\3a\0b"
                                 "\0\0\0\0"
                                 "\377\377\377\377";
    assert_int_equal(array.count, 6);
    assert_memory_equal(array.data + 20, wanted, sizeof(wanted) - 1);
    array_reset(&array);
    for (int i = 0; i < 10000; i++)
        array_int64(&array, i);
    assert_int_equal(array.len, 20 + 12 * 10000);
    array_done(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_has_the_servers_binary_form),
        cmocka_unit_test(elements_of_each_type_have_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
