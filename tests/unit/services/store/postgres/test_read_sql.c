#include "services/store/postgres/read_params.h"
#include "services/store/postgres/read_sql.h"

#include <ctype.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A mark that nothing replaced: a colon and a letter, and no cast. */
static bool has_mark(const char *text)
{
    for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':'))
        if (isalpha((unsigned char)at[1]) && (at == text || at[-1] != ':'))
            return true;
    return false;
}

static int largest_parameter(const char *text)
{
    long largest = 0;
    for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
        long number = strtol(at + 1, NULL, 10);
        largest = number > largest ? number : largest;
    }
    return (int)largest;
}

static void every_statement_is_whole(void **state)
{
    (void)state;
    for (int kind = 0; kind < READ_KINDS; kind++) {
        char *text = read_sql_text((enum read_kind)kind, 17);
        if (has_mark(text))
            fail_msg("%s: a mark is left", read_sql_name((enum read_kind)kind));
        assert_int_equal(largest_parameter(text), read_params_count((enum read_kind)kind));
        free(text);
    }
}

static void every_statement_asks_one_generation(void **state)
{
    (void)state;
    for (int kind = 0; kind < READ_KINDS; kind++) {
        char *text = read_sql_text((enum read_kind)kind, 17);
        bool is_ping = kind == READ_PING;
        assert_int_equal(strstr(text, "g17.fence") == NULL, is_ping);
        assert_int_equal(strstr(text, "active.generation") == NULL, is_ping);
        free(text);
    }
}

static void names_differ(void **state)
{
    (void)state;
    for (int a = 0; a < READ_KINDS; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(read_sql_name((enum read_kind)a),
                                    read_sql_name((enum read_kind)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_is_whole),
        cmocka_unit_test(every_statement_asks_one_generation),
        cmocka_unit_test(names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
