#include "libs/rpc/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct bytes TOKENS[] = {
    {"first-token-of-two", 18},
    {"second-token-of-two", 19},
};

static bool accepts(const struct rpc_auth *auth, const char *header)
{
    struct rpc_credential credential;
    rpc_credential_read(header == NULL ? (struct bytes){NULL, 0} : bytes_of_text(header),
                        &credential);
    return rpc_auth_is_accepted(auth, &credential);
}

static void only_the_exact_tokens_are_accepted(void **state)
{
    (void)state;
    struct rpc_auth auth;
    rpc_auth_init(&auth, TOKENS, 2);
    assert_true(accepts(&auth, "Bearer first-token-of-two"));
    assert_true(accepts(&auth, "Bearer second-token-of-two"));
    assert_true(accepts(&auth, "bearer first-token-of-two"));
    static const char *const WRONG[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer first-token-of-tw",
        "Bearer first-token-of-twoo",
        "Bearer  first-token-of-two",
        "Bearer First-token-of-two",
        "Basic first-token-of-two",
        "first-token-of-two",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
        assert_false(accepts(&auth, WRONG[i]));
    assert_false(accepts(&auth, NULL));
    rpc_auth_done(&auth);
}

static void without_tokens_everybody_is_accepted(void **state)
{
    (void)state;
    struct rpc_auth auth;
    rpc_auth_init(&auth, NULL, 0);
    assert_true(accepts(&auth, NULL));
    assert_true(accepts(&auth, "Bearer anything"));
    rpc_auth_done(&auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_exact_tokens_are_accepted),
        cmocka_unit_test(without_tokens_everybody_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
