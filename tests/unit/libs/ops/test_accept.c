#include "libs/ops/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OPENMETRICS "application/openmetrics-text"

static void who_prefers_openmetrics_gets_it(void **state)
{
    (void)state;
    static const char *const headers[] = {
        OPENMETRICS,
        "APPLICATION/OpenMetrics-Text; Version=1.0.0",
        OPENMETRICS ";version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        "text/plain;q=0.5 ,\t" OPENMETRICS " ; version = 1.0.0 ; q = 0.50",
        OPENMETRICS ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPENMETRICS
                    ";version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "text/plain;q=0.999," OPENMETRICS ";q=1.000",
        OPENMETRICS ",*/*",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        assert_true(accept_prefers_openmetrics(bytes_of_text(headers[i])));
}

static void everybody_else_gets_text(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        "*/*",
        "text/plain",
        "text/plain;version=0.0.4;q=0.3, " OPENMETRICS ";version=1.0.0;q=0.2",
        OPENMETRICS ";q=0",
        OPENMETRICS ";version=0.0.1",
        OPENMETRICS ";version=2.0.0",
        OPENMETRICS "x",
        OPENMETRICS ";q=1.001",
        OPENMETRICS ";q=0.0000",
        OPENMETRICS ";q=2",
        OPENMETRICS ";q=.5",
        OPENMETRICS ";q=-1",
        OPENMETRICS ";q=",
        OPENMETRICS ";q=0.9,*/*;q=1",
        OPENMETRICS ";q=0.9,text/*",
        ",;=,;",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        assert_false(accept_prefers_openmetrics(bytes_of_text(headers[i])));
    assert_false(accept_prefers_openmetrics((struct bytes){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_prefers_openmetrics_gets_it),
        cmocka_unit_test(everybody_else_gets_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
