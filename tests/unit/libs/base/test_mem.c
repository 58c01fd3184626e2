#include "libs/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory_is_zeroed(void **state)
{
    (void)state;
    static const char zeros[64] = {0};
    char *a = mem_alloc(64);
    char *b = mem_array(8, 8);
    assert_memory_equal(a, zeros, 64);
    assert_memory_equal(b, zeros, 64);
    free(a);
    free(b);
}

static void nothing_is_a_valid_amount(void **state)
{
    (void)state;
    void *pointers[] = {mem_alloc(0), mem_array(0, 8), mem_grow(NULL, 0, 8), mem_copy(NULL, 0),
                        mem_text(NULL, 0)};
    assert_string_equal(pointers[4], "");
    for (size_t i = 0; i < sizeof(pointers) / sizeof(*pointers); i++) {
        assert_non_null(pointers[i]);
        free(pointers[i]);
    }
}

static void copies_are_whole(void **state)
{
    (void)state;
    char *copy = mem_copy("ab", 3);
    char *text = mem_text("abc", 2);
    copy = mem_grow(copy, 10, 1);
    assert_string_equal(copy, "ab");
    assert_string_equal(text, "ab");
    free(copy);
    free(text);
}

static int exit_code_of_child(void (*run)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)close(STDERR_FILENO);
        run();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void overflow_array(void)
{
    free(mem_array(SIZE_MAX / 2, 3));
}

static void overflow_grow(void)
{
    free(mem_grow(NULL, SIZE_MAX / 2, 3));
}

static void exhausted_memory_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_child(overflow_array), 1);
    assert_int_equal(exit_code_of_child(overflow_grow), 1);
    assert_int_equal(exit_code_of_child(mem_exhausted), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(nothing_is_a_valid_amount),
        cmocka_unit_test(copies_are_whole),
        cmocka_unit_test(exhausted_memory_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
