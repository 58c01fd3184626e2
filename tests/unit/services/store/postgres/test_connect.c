#include "services/store/postgres/connect.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_libpq_understands_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "postgresql://u:p@h:1/d",
        "postgres://u:p%40%2F@h1:1,h2:2/d?sslmode=verify-full",
        "postgresql://u:pass?word#1@h/d",
        "postgresql:///d?host=/var/run/postgresql",
        "host=@abstract port=5432 password='any @ thing / at all'",
        "",
    };
    struct err err;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(connect_check(good[i], &err));
}

static void a_password_that_is_not_encoded_is_refused_before_its_rest_is_a_place(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "postgresql://u:pass@Canary@h:1/d",
        "postgresql://u:Canary/word@h:1/d",
        "postgresql://u:%ZCanary@h/d",
        "host=h port=Canary",
        "host=a@Canary",
        "mysql://u:Canary@h/d",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct err err = {0};
        assert_false(connect_check(wrong[i], &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_null(strstr(err.text, "Canary"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_libpq_understands_is_taken),
        cmocka_unit_test(a_password_that_is_not_encoded_is_refused_before_its_rest_is_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
