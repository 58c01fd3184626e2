#include "libs/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void uuid7_carries_time_version_and_variant(void **state)
{
    (void)state;
    uint8_t id[16];
    random_uuid7(INT64_C(0x0123456789AB), id);
    static const uint8_t time[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB};
    assert_memory_equal(id, time, sizeof(time));
    assert_int_equal(id[6] >> 4, 7);
    assert_int_equal(id[8] >> 6, 2);
}

static void ids_of_one_millisecond_differ(void **state)
{
    (void)state;
    uint8_t a[16];
    uint8_t b[16];
    random_uuid7(1, a);
    random_uuid7(1, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void fill_writes_all_bytes(void **state)
{
    (void)state;
    unsigned char bytes[1000] = {0};
    random_fill(bytes, sizeof(bytes));
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 50);
    random_fill(bytes, 0);
}

static void numbers_differ(void **state)
{
    (void)state;
    uint32_t first = random_u32();
    assert_true(random_u32() != first || random_u32() != first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuid7_carries_time_version_and_variant),
        cmocka_unit_test(ids_of_one_millisecond_differ),
        cmocka_unit_test(fill_writes_all_bytes),
        cmocka_unit_test(numbers_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
