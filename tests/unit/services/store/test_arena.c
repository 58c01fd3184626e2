#include "services/store/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TEXTS 20000

static void copies_stay_until_the_reset(void **state)
{
    (void)state;
    struct arena arena = {0};
    static struct bytes kept[TEXTS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TEXTS; i++) {
            char text[32];
            int len = snprintf(text, sizeof(text), "%d/%d", round, i);
            kept[i] = arena_keep(&arena, (struct bytes){text, (size_t)len});
        }
        for (int i = 0; i < TEXTS; i++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%d/%d", round, i);
            assert_true(bytes_equal(kept[i], bytes_of_text(text)));
        }
        arena_reset(&arena);
        assert_int_equal(arena.used, 0);
    }
    arena_done(&arena);
}

static void absent_stays_absent_and_empty_stays_present(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_keep(&arena, (struct bytes){0}).data);
    struct bytes empty = arena_keep(&arena, BYTES_LITERAL(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    arena_done(&arena);
}

static void a_text_larger_than_a_chunk_fits(void **state)
{
    (void)state;
    static char large[300000];
    struct arena arena = {0};
    memset(large, 'x', sizeof(large));
    for (int i = 0; i < 3; i++) {
        (void)arena_keep(&arena, BYTES_LITERAL("small"));
        struct bytes kept = arena_keep(&arena, (struct bytes){large, sizeof(large)});
        assert_memory_equal(kept.data, large, sizeof(large));
        arena_reset(&arena);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_stay_until_the_reset),
        cmocka_unit_test(absent_stays_absent_and_empty_stays_present),
        cmocka_unit_test(a_text_larger_than_a_chunk_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
