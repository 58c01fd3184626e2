#include "services/store/postgres/database_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void only_the_driver_is_taken_out(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"postgresql://u:p@h:1/d", "postgresql://u:p@h:1/d"},
        {"postgresql+asyncpg://u:p@h:1/d", "postgresql://u:p@h:1/d"},
        {"postgresql+psycopg2://u:p%2B@h/d?a=b+c", "postgresql://u:p%2B@h/d?a=b+c"},
        {"postgresql://u:p+x@h/d", "postgresql://u:p+x@h/d"},
        {"host=h dbname=a+b", "host=h dbname=a+b"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *conninfo = database_url_conninfo(cases[i][0]);
        assert_string_equal(conninfo, cases[i][1]);
        free(conninfo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_driver_is_taken_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
