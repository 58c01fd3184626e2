#include "services/gateway/telegram/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool matches(struct secrets *secrets, const char *text)
{
    return secrets_match(secrets, bytes_of_text(text));
}

static void only_the_secret_matches(void **state)
{
    (void)state;
    struct secrets *secrets = secrets_new("abc-DEF_123", "");
    assert_true(matches(secrets, "abc-DEF_123"));
    assert_false(matches(secrets, "abc-DEF_12"));
    assert_false(matches(secrets, "abc-DEF_1234"));
    assert_false(matches(secrets, "abc-def_123"));
    secrets_free(secrets);
}

static void nothing_never_matches(void **state)
{
    (void)state;
    struct secrets *secrets = secrets_new("abc", "");
    assert_false(matches(secrets, ""));
    assert_false(secrets_match(secrets, (struct bytes){0}));
    secrets_free(secrets);
    secrets = secrets_new("", "");
    assert_false(matches(secrets, ""));
    secrets_free(secrets);
}

static void both_match_during_rotation(void **state)
{
    (void)state;
    struct secrets *secrets = secrets_new("new", "old");
    assert_true(matches(secrets, "new"));
    assert_true(matches(secrets, "old"));
    assert_false(matches(secrets, "other"));
    secrets_free(secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_secret_matches),
        cmocka_unit_test(nothing_never_matches),
        cmocka_unit_test(both_match_during_rotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
