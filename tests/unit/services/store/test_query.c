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

/* One chat with the rows of both of its ids; what is not named does not matter. */
struct merge_case {
    const char *name;
    struct read_user own, old;
    struct read_user merged;
};

static const struct merge_case MERGES[] = {
    {"neither exists", .own = {0}},
    {"own alone",
     .own = {.exists = true, .lang = {"ru", 2}, .videos = 2, .images = 1, .ad_count = 4},
     .merged = {.exists = true, .lang = {"ru", 2}, .videos = 2, .images = 1, .ad_count = 4}},
    {"old alone",
     .old = {.exists = true,
             .has_registered_at = true,
             .registered_at = 7,
             .link = {"a", 1},
             .lang = {"uk", 2},
             .file_mode = true,
             .videos = 3,
             .ad_count = 2,
             .ad_cooldown = 9},
     .merged = {.exists = true,
                .has_registered_at = true,
                .registered_at = 7,
                .link = {"a", 1},
                .lang = {"uk", 2},
                .file_mode = true,
                .videos = 3,
                .ad_count = 2,
                .ad_cooldown = 9}},
    {"both registered: the old registration and link, the own advertisements, sums",
     .own = {.exists = true,
             .has_registered_at = true,
             .registered_at = 20,
             .link = {"new", 3},
             .lang = {"en", 2},
             .ad_count = 1,
             .ad_cooldown = 5,
             .videos = 2,
             .images = 1},
     .old = {.exists = true,
             .has_registered_at = true,
             .registered_at = 10,
             .link = {"old", 3},
             .lang = {"ru", 2},
             .file_mode = true,
             .ad_count = 8,
             .ad_cooldown = 80,
             .videos = 3,
             .images = 3},
     .merged = {.exists = true,
                .has_registered_at = true,
                .registered_at = 10,
                .link = {"old", 3},
                .lang = {"ru", 2},
                .file_mode = true,
                .ad_count = 1,
                .ad_cooldown = 5,
                .videos = 5,
                .images = 4}},
    {"an old registration without time and link hides those of the new one",
     .own = {.exists = true,
             .has_registered_at = true,
             .registered_at = 20,
             .link = {"new", 3},
             .lang = {"en", 2}},
     .old = {.exists = true, .lang = {"en", 2}}, .merged = {.exists = true, .lang = {"en", 2}}},
    {"the old one is a stub: the own registration",
     .own = {.exists = true,
             .has_registered_at = true,
             .registered_at = 20,
             .link = {"new", 3},
             .lang = {"vi", 2}},
     .old = {.exists = true, .is_stub = true, .lang = {"en", 2}, .videos = 1},
     .merged = {.exists = true,
                .has_registered_at = true,
                .registered_at = 20,
                .link = {"new", 3},
                .lang = {"vi", 2},
                .videos = 1}},
    {"the own one is a stub: the old registration",
     .own = {.exists = true, .is_stub = true, .lang = {"en", 2}, .ad_count = 1},
     .old = {.exists = true,
             .has_registered_at = true,
             .registered_at = 10,
             .lang = {"hi", 2},
             .ad_count = 3},
     .merged = {.exists = true,
                .has_registered_at = true,
                .registered_at = 10,
                .lang = {"hi", 2},
                .ad_count = 1}},
    {"stubs stay a stub", .own = {.exists = true, .is_stub = true, .lang = {"en", 2}, .videos = 1},
     .old = {.exists = true, .is_stub = true, .lang = {"en", 2}, .videos = 1},
     .merged = {.exists = true, .is_stub = true, .lang = {"en", 2}, .videos = 2}},
    {"what was set explicitly on the new id wins",
     .own = {.exists = true,
             .is_stub = true,
             .lang = {"id", 2},
             .is_lang_set = true,
             .is_mode_set = true},
     .old = {.exists = true,
             .lang = {"so", 2},
             .is_lang_set = true,
             .file_mode = true,
             .is_mode_set = true},
     .merged = {.exists = true, .lang = {"id", 2}}},
    {"what was set explicitly on an old stub wins over a registration of the new id",
     .own = {.exists = true, .lang = {"id", 2}},
     .old = {.exists = true,
             .is_stub = true,
             .lang = {"so", 2},
             .is_lang_set = true,
             .file_mode = true,
             .is_mode_set = true},
     .merged = {.exists = true, .lang = {"so", 2}, .file_mode = true}},
};

static void assert_user(const struct merge_case *wanted, const struct read_user *merged)
{
    const struct read_user *user = &wanted->merged;
    bool same = merged->exists == user->exists && merged->is_stub == user->is_stub &&
                merged->has_registered_at == user->has_registered_at &&
                merged->registered_at == user->registered_at &&
                bytes_equal(merged->lang, user->lang) && bytes_equal(merged->link, user->link) &&
                (merged->link.data == NULL) == (user->link.data == NULL) &&
                merged->file_mode == user->file_mode && merged->ad_count == user->ad_count &&
                merged->ad_cooldown == user->ad_cooldown && merged->videos == user->videos &&
                merged->images == user->images;
    if (!same)
        fail_msg("%s", wanted->name);
}

static void a_chat_and_the_group_it_was_are_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(MERGES) / sizeof(MERGES[0]); i++) {
        struct read_chat chat = {.user_id = -1007, .own = MERGES[i].own, .old = MERGES[i].old};
        struct read_user merged = query_merge(&chat);
        assert_user(&MERGES[i], &merged);
        assert_true(merged.user_id == -1007);
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
        cmocka_unit_test(a_chat_and_the_group_it_was_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
