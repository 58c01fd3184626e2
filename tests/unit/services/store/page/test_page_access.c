#include "services/store/page/page_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef"

static struct page_access access_of(bool is_loopback, bool has_token, const char *header)
{
    static const struct bytes TOKENS[] = {{TOKEN, sizeof(TOKEN) - 1}};
    struct page_access access = {.is_loopback = is_loopback, .proxy_header = header};
    rpc_auth_init(&access.auth, TOKENS, has_token ? 1 : 0);
    return access;
}

/* NULL: the header is absent. */
static struct page_caller caller_of(const char *host, const char *authorization, const char *proxy)
{
    const char *const texts[] = {host, authorization, proxy};
    struct bytes values[3] = {{0}};
    for (int i = 0; i < 3; i++)
        if (texts[i] != NULL)
            values[i] = bytes_of_text(texts[i]);
    return (struct page_caller){values[0], values[1], values[2]};
}

static void expect(struct page_access access, struct page_caller caller, enum page_verdict wanted)
{
    assert_int_equal(page_access_judge(&access, &caller), wanted);
    assert_int_equal(page_access_is_on(&access), wanted != PAGE_OFF);
    rpc_auth_done(&access.auth);
}

static void it_is_free_on_loopback_under_a_name_of_this_machine(void **state)
{
    (void)state;
    static const char *const OWN[] = {"127.0.0.1:9101", "127.0.0.1",  "localhost:9101",
                                      "localhost",      "[::1]:9101", "127.1.2.3:1"};
    static const char *const FOREIGN[] = {
        NULL,
        "",
        "evil.example:9101",
        "localhost.evil.example:9101",
        "10.0.0.1:9101",
        "0.0.0.0:1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1"};
    for (size_t i = 0; i < sizeof(OWN) / sizeof(*OWN); i++)
        expect(access_of(true, false, ""), caller_of(OWN[i], NULL, NULL), PAGE_OPEN);
    for (size_t i = 0; i < sizeof(FOREIGN) / sizeof(*FOREIGN); i++)
        expect(access_of(true, false, ""), caller_of(FOREIGN[i], NULL, NULL), PAGE_FOREIGN_HOST);
}

static void beyond_loopback_it_is_off_until_something_guards_it(void **state)
{
    (void)state;
    expect(access_of(false, false, ""), caller_of("127.0.0.1:9101", NULL, NULL), PAGE_OFF);
    expect(access_of(false, false, ""), caller_of("a", "Bearer " TOKEN, "yes"), PAGE_OFF);
}

static void a_token_is_needed_wherever_there_are_tokens(void **state)
{
    (void)state;
    for (int is_loopback = 0; is_loopback < 2; is_loopback++) {
        bool where = is_loopback == 1;
        expect(access_of(where, true, ""), caller_of("a", "Bearer " TOKEN, NULL), PAGE_OPEN);
        expect(access_of(where, true, ""), caller_of("localhost:1", NULL, "yes"),
               PAGE_UNAUTHENTICATED);
        expect(access_of(where, true, ""), caller_of("a", "Bearer " TOKEN "0", NULL),
               PAGE_UNAUTHENTICATED);
        expect(access_of(where, true, ""), caller_of("a", TOKEN, NULL), PAGE_UNAUTHENTICATED);
    }
}

static void a_proxys_header_lets_through_where_it_is_expected(void **state)
{
    (void)state;
    expect(access_of(false, false, "x-auth"), caller_of("a", NULL, "somebody"), PAGE_OPEN);
    expect(access_of(false, false, "x-auth"), caller_of("a", NULL, ""), PAGE_UNAUTHENTICATED);
    expect(access_of(false, false, "x-auth"), caller_of("a", NULL, NULL), PAGE_UNAUTHENTICATED);
    expect(access_of(true, false, "x-auth"), caller_of("localhost:1", "Bearer x", NULL),
           PAGE_UNAUTHENTICATED);
    expect(access_of(false, true, "x-auth"), caller_of("a", NULL, "somebody"), PAGE_OPEN);
    expect(access_of(false, true, "x-auth"), caller_of("a", "Bearer " TOKEN, NULL), PAGE_OPEN);
    expect(access_of(false, true, "x-auth"), caller_of("a", "Bearer no", NULL),
           PAGE_UNAUTHENTICATED);
}

static void a_header_that_anybody_sends_proves_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(page_access_check_header("", &err));
    assert_true(page_access_check_header("X-Forwarded-User", &err));
    assert_false(page_access_check_header("user-AGENT", &err));
    assert_false(page_access_check_header("X-Forwarded-For", &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_false(page_access_check_header("X Auth", &err));
    assert_false(page_access_check_header("X-Auth:", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_free_on_loopback_under_a_name_of_this_machine),
        cmocka_unit_test(beyond_loopback_it_is_off_until_something_guards_it),
        cmocka_unit_test(a_token_is_needed_wherever_there_are_tokens),
        cmocka_unit_test(a_proxys_header_lets_through_where_it_is_expected),
        cmocka_unit_test(a_header_that_anybody_sends_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
