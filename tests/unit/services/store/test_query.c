#include "services/store/query.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1760000000

static const struct ad_rules SEED = {.threshold = 3, .mode = AD_MODE_OR};

static struct read_user registered(int32_t ad_count, int64_t ad_cooldown)
{
    return (struct read_user){.exists = true, .ad_count = ad_count, .ad_cooldown = ad_cooldown};
}

static void a_fresh_user_gets_an_ad_at_once(void **state)
{
    (void)state;
    struct read_user user = registered(0, 0);
    assert_true(query_should_show_ad(&SEED, &user, NOW));
}

static void no_ad_at_exactly_the_end_of_the_cooldown(void **state)
{
    (void)state;
    struct read_user user = registered(1, NOW);
    assert_false(query_should_show_ad(&SEED, &user, NOW));
    assert_true(query_should_show_ad(&SEED, &user, NOW + 1));
}

static void three_downloads_override_the_cooldown(void **state)
{
    (void)state;
    struct read_user two = registered(2, NOW + 86400);
    struct read_user three = registered(3, NOW + 86400);
    assert_false(query_should_show_ad(&SEED, &two, NOW));
    assert_true(query_should_show_ad(&SEED, &three, NOW));
}

static void mode_and_wants_both(void **state)
{
    (void)state;
    struct ad_rules both = {.threshold = 3, .mode = AD_MODE_AND};
    struct read_user cooling = registered(3, NOW + 1);
    struct read_user cooled = registered(3, NOW - 1);
    struct read_user few = registered(2, NOW - 1);
    assert_false(query_should_show_ad(&both, &cooling, NOW));
    assert_true(query_should_show_ad(&both, &cooled, NOW));
    assert_false(query_should_show_ad(&both, &few, NOW));
}

static void absent_users_and_stubs_get_no_ad(void **state)
{
    (void)state;
    struct read_user absent = {0};
    struct read_user stub = registered(9, 0);
    stub.is_stub = true;
    assert_false(query_should_show_ad(&SEED, &absent, NOW));
    assert_false(query_should_show_ad(&SEED, &stub, NOW));
}

static void a_page_token_reads_back_as_written(void **state)
{
    (void)state;
    static const int64_t IDS[] = {INT64_MIN, -1001234567890, -1, 0, 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++) {
        int64_t back = 5;
        struct err err;
        char text[QUERY_PAGE_TOKEN_MAX];
        query_page_text(IDS[i], text);
        assert_true(query_page_parse(bytes_of_text(text), &back, &err));
        assert_true(back == IDS[i]);
    }
}

static void no_page_token_is_the_beginning(void **state)
{
    (void)state;
    int64_t after = 5;
    struct err err;
    assert_true(query_page_parse((struct bytes){NULL, 0}, &after, &err));
    assert_true(after == INT64_MIN);
}

static void a_foreign_page_token_is_refused(void **state)
{
    (void)state;
    static const char *const TOKENS[] = {"a",       "after",    "after:", "before:5",
                                         "after:x", "after:5 ", "g1:5"};
    for (size_t i = 0; i < sizeof(TOKENS) / sizeof(TOKENS[0]); i++) {
        int64_t after = 0;
        struct err err = {0};
        assert_false(query_page_parse(bytes_of_text(TOKENS[i]), &after, &err));
        assert_int_equal(err.kind, ERR_REJECT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_user_gets_an_ad_at_once),
        cmocka_unit_test(no_ad_at_exactly_the_end_of_the_cooldown),
        cmocka_unit_test(three_downloads_override_the_cooldown),
        cmocka_unit_test(mode_and_wants_both),
        cmocka_unit_test(absent_users_and_stubs_get_no_ad),
        cmocka_unit_test(a_page_token_reads_back_as_written),
        cmocka_unit_test(no_page_token_is_the_beginning),
        cmocka_unit_test(a_foreign_page_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
