#include "services/store/import_rows.h"

#include "libs/wire/event_codec.h"
#include "libs/wire/event_id.h"
#include "services/store/fold.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_S INT64_C(1790000000)
#define TIME_S INT64_C(1700000000)
#define GROUP INT64_C(-4001)
#define SUPERGROUP INT64_C(-1001234567890)

static const struct import_rules RULES = {
    .bot_id = 123456789, .source = {"tt", 2}, .producer = {"test", 4}, .now_s = NOW_S};

static struct import_row user_row(int64_t user_id)
{
    return (struct import_row){
        .key = user_id,
        .user_id = user_id,
        .has_time = true,
        .time_s = TIME_S,
        .user = {.lang = BYTES_LITERAL("uk")},
    };
}

static struct import_row video_row(int64_t key)
{
    return (struct import_row){
        .key = key,
        .user_id = 7,
        .has_time = true,
        .time_s = TIME_S,
        .video = {.link = BYTES_LITERAL("https://v.example/1"), .is_images = true},
    };
}

static struct import_events made_of(enum import_table table, const struct import_row *row)
{
    struct import_events made;
    assert_null(import_row_events(&RULES, table, row, &made));
    for (size_t i = 0; i < made.count; i++) {
        assert_null(event_check(&made.events[i]));
        assert_int_equal(made.events[i].subject_id, row->user_id);
        assert_int_equal(made.events[i].update_id, 0);
    }
    return made;
}

static void expect_refused(enum import_table table, const struct import_row *row, const char *field)
{
    struct import_events made;
    const char *why = import_row_events(&RULES, table, row, &made);
    assert_non_null(why);
    assert_non_null(strstr(why, field));
    assert_null(strpbrk(why, "\"\\\n"));
}

static void expect_id(const struct event *event, const char *wanted)
{
    char shown[37];
    event_id_show(event->id, shown);
    assert_string_equal(shown, wanted);
}

/* ---- the row that the events give ---- */

static struct fold_user folded(const struct import_row *row)
{
    struct import_events made = made_of(IMPORT_USERS, row);
    struct fold *fold = fold_new();
    const struct fold_user *const *users = NULL;
    for (size_t i = 0; i < made.count; i++) {
        struct fold_place place = {.offset = (int64_t)i, .record_ms = NOW_S * 1000};
        fold_want(fold, &made.events[i], &place);
    }
    for (size_t i = 0; i < made.count; i++) {
        struct fold_place place = {.offset = (int64_t)i, .record_ms = NOW_S * 1000};
        fold_apply(fold, &made.events[i], &place);
    }
    assert_int_equal(fold_changed_users(fold, &users), 1);
    struct fold_user user = *users[0];
    assert_true(bytes_equal(user.lang, row->user.lang));
    assert_true(bytes_equal(user.link, row->user.link));
    user.lang = user.link = (struct bytes){0}; /* they go with the fold */
    fold_free(fold);
    return user;
}

static void every_column_of_a_user_comes_back(void **state)
{
    (void)state;
    static const struct {
        int32_t ad_count;
        int64_t ad_cooldown;
    } ads[] = {{0, 0},     {1, NOW_S + 86400}, {3, NOW_S - 1},       {1000000, 0},
               {0, 1},     {2, 86399},         {2, 86400},           {2, 86401},
               {0, NOW_S}, {5, NOW_S + 86401}, {5, NOW_S + 31622400}};
    static const int64_t ids[] = {42, GROUP, SUPERGROUP};
    for (size_t i = 0; i < 2 * 3 * sizeof(ads) / sizeof(*ads); i++) {
        struct import_row row = user_row(ids[i % 3]);
        row.has_time = i % 2 == 0;
        row.time_s = row.has_time ? TIME_S : 0;
        row.user.file_mode = i % 4 < 2;
        row.user.ad_count = ads[i / 6].ad_count;
        row.user.ad_cooldown = ads[i / 6].ad_cooldown;
        if (i % 5 < 3)
            row.user.link = BYTES_LITERAL("Ref_1");
        struct fold_user user = folded(&row);
        assert_false(user.is_stub);
        assert_int_equal(user.user_id, row.user_id);
        assert_int_equal(user.has_registered_at, row.has_time);
        assert_int_equal(user.registered_at, row.time_s);
        assert_int_equal(user.file_mode, row.user.file_mode);
        assert_int_equal(user.ad_count, row.user.ad_count);
        assert_int_equal(user.ad_cooldown, row.user.ad_cooldown);
    }
}

static void a_chat_has_not_chosen_what_it_was_registered_with(void **state)
{
    (void)state;
    struct import_row row = user_row(42);
    struct fold_user user = folded(&row);
    assert_false(user.is_lang_set);
    assert_false(user.is_mode_set);
}

static void an_ad_was_shown_a_day_before_its_cool_down_ends(void **state)
{
    (void)state;
    struct import_row row = user_row(42);
    row.user.ad_cooldown = TIME_S + 86400;
    struct import_events made = made_of(IMPORT_USERS, &row);
    assert_int_equal(made.count, 2);
    assert_int_equal(made.events[1].kind, EVENT_AD_SHOWN);
    assert_int_equal(made.events[1].occurred_at_ms, TIME_S * 1000);
    assert_int_equal(made.events[1].ad_shown.cooldown_s, 86400);
}

/* ---- users ---- */

static void who_came_by_a_link_pressed_start(void **state)
{
    (void)state;
    static const struct {
        int64_t user_id;
        const char *link;
        enum event_chat_type chat_type;
        enum event_seen_source source;
    } cases[] = {{42, "Ref_1", CHAT_PRIVATE, SEEN_START},
                 {42, "", CHAT_PRIVATE, SEEN_TEXT},
                 {42, NULL, CHAT_PRIVATE, SEEN_TEXT},
                 {GROUP, "Ref_1", CHAT_GROUP, SEEN_TEXT},
                 {INT64_C(-999999999999), NULL, CHAT_GROUP, SEEN_TEXT},
                 {INT64_C(-1000000000000), NULL, CHAT_SUPERGROUP, SEEN_TEXT},
                 {INT64_MIN, NULL, CHAT_SUPERGROUP, SEEN_TEXT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct import_row row = user_row(cases[i].user_id);
        if (cases[i].link != NULL)
            row.user.link = bytes_of_text(cases[i].link);
        struct import_events made = made_of(IMPORT_USERS, &row);
        const struct event_user_seen *seen = &made.events[0].user_seen;
        assert_int_equal(made.count, 1);
        assert_int_equal(seen->chat_type, cases[i].chat_type);
        assert_int_equal(seen->source, cases[i].source);
        assert_int_equal(seen->link.data != NULL, row.user.link.len > 0);
        assert_false(seen->personal.is_present);
    }
}

static void a_user_that_no_event_can_say_is_refused_whole(void **state)
{
    (void)state;
    struct import_row row = user_row(0);
    expect_refused(IMPORT_USERS, &row, "user_id");
    row = user_row(42);
    row.user.lang = BYTES_LITERAL("xx");
    expect_refused(IMPORT_USERS, &row, "lang");
    row.user.lang = BYTES_LITERAL("");
    expect_refused(IMPORT_USERS, &row, "lang");
    row = user_row(42);
    row.user.link = BYTES_LITERAL("caf\xe9");
    expect_refused(IMPORT_USERS, &row, "link: not UTF-8");

    static const int64_t counts[] = {-1, 1000001, INT64_C(1) << 32, INT64_MIN};
    static const int64_t cooldowns[] = {-1, NOW_S + 31622401, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        row = user_row(42);
        row.user.ad_count = counts[i];
        expect_refused(IMPORT_USERS, &row, "count");
        row = user_row(42);
        row.user.ad_cooldown = cooldowns[i];
        expect_refused(IMPORT_USERS, &row, "cooldown");
    }
}

/* ---- facts ---- */

static void a_video_is_one_event(void **state)
{
    (void)state;
    struct import_row row = video_row(42);
    struct import_events made = made_of(IMPORT_VIDEOS, &row);
    const struct event *event = &made.events[0];
    assert_int_equal(made.count, 1);
    assert_int_equal(event->kind, EVENT_VIDEO_DOWNLOADED);
    assert_int_equal(event->occurred_at_ms, TIME_S * 1000);
    assert_true(bytes_equal(event->video.video_link, row.video.link));
    assert_true(event->video.is_images);
    assert_false(event->video.is_processed || event->video.is_inline ||
                 event->video.link_truncated);
    row.video.is_images = false;
    row.video.is_processed = row.video.is_inline = true;
    made = made_of(IMPORT_VIDEOS, &row);
    assert_false(made.events[0].video.is_images);
    assert_true(made.events[0].video.is_processed && made.events[0].video.is_inline);
}

static void music_is_one_event(void **state)
{
    (void)state;
    struct import_row row = {.key = 5, .user_id = GROUP, .music_video_id = INT64_MIN};
    struct import_events made = made_of(IMPORT_MUSIC, &row);
    assert_int_equal(made.count, 1);
    assert_int_equal(made.events[0].kind, EVENT_MUSIC_EXTRACTED);
    assert_int_equal(made.events[0].occurred_at_ms, 0);
    assert_int_equal(made.events[0].music_video_id, INT64_MIN);
}

static void a_long_link_is_cut_between_characters_and_says_so(void **state)
{
    (void)state;
    static char link[EVENT_LINK_MAX + 2];
    memset(link, 'a', sizeof(link));
    memcpy(link + EVENT_LINK_MAX - 1, "\xc3\xa9", 2); /* its second byte is one too many */
    struct import_row row = video_row(1);
    row.video.link = (struct bytes){link, EVENT_LINK_MAX + 1};
    struct import_events made = made_of(IMPORT_VIDEOS, &row);
    assert_true(made.is_cut && made.events[0].video.link_truncated);
    assert_int_equal(made.events[0].video.video_link.len, EVENT_LINK_MAX - 1);
    row = user_row(42);
    row.user.link = (struct bytes){link, EVENT_LINK_MAX + 1};
    made = made_of(IMPORT_USERS, &row);
    assert_true(made.is_cut);
    assert_int_equal(made.events[0].user_seen.link.len, EVENT_LINK_MAX - 1);
    row.user.link.len = EVENT_LINK_MAX - 1;
    assert_false(made_of(IMPORT_USERS, &row).is_cut);
}

static void only_what_is_left_of_a_long_link_must_be_utf8(void **state)
{
    (void)state;
    static char link[EVENT_LINK_MAX + 1];
    memset(link, 'a', sizeof(link));
    link[EVENT_LINK_MAX] = '\xc3'; /* a database without an encoding cuts between bytes */
    struct import_row row = video_row(1);
    row.video.link = (struct bytes){link, sizeof(link)};
    assert_int_equal(made_of(IMPORT_VIDEOS, &row).events[0].video.video_link.len, EVENT_LINK_MAX);
    static char rubbish[3 * EVENT_LINK_MAX];
    memset(rubbish, '\x80', sizeof(rubbish));
    row.video.link = (struct bytes){rubbish, sizeof(rubbish)};
    expect_refused(IMPORT_VIDEOS, &row, "video_link");
}

static void a_fact_that_no_event_can_say_is_refused(void **state)
{
    (void)state;
    struct import_row row = video_row(1);
    row.video.link = BYTES_LITERAL("");
    expect_refused(IMPORT_VIDEOS, &row, "video_link");
    row.video.link = BYTES_LITERAL("\xff");
    expect_refused(IMPORT_VIDEOS, &row, "video_link: not UTF-8");
    row = video_row(1);
    row.user_id = 0;
    expect_refused(IMPORT_VIDEOS, &row, "user_id");
    row = (struct import_row){.key = 1};
    expect_refused(IMPORT_MUSIC, &row, "user_id");
}

static void a_time_is_between_1970_and_now(void **state)
{
    (void)state;
    static const int64_t wrong[] = {0, -1, INT64_MIN, NOW_S + 61, INT64_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct import_row row = video_row(1);
        row.time_s = wrong[i];
        expect_refused(IMPORT_VIDEOS, &row, "time");
        row = user_row(42);
        row.time_s = wrong[i];
        expect_refused(IMPORT_USERS, &row, "time");
    }
    struct import_row row = video_row(1);
    row.time_s = 1;
    assert_int_equal(made_of(IMPORT_VIDEOS, &row).events[0].occurred_at_ms, 1000);
    row.time_s = NOW_S + 60;
    assert_int_equal(made_of(IMPORT_VIDEOS, &row).count, 1);
}

/* ---- ids ---- */

static void an_id_is_that_of_the_row(void **state)
{
    (void)state;
    struct import_row row = video_row(42); /* as in tests/fixtures/event_id_vectors.json */
    struct import_events made = made_of(IMPORT_VIDEOS, &row);
    expect_id(&made.events[0], "0000018b-cfe5-6800-2b11-117e7e78be4a");
    row = user_row(SUPERGROUP);
    row.has_time = false;
    row.time_s = 0;
    made = made_of(IMPORT_USERS, &row);
    expect_id(&made.events[0], "00000000-0000-0000-fbde-17f06cf21cab");
}

static void an_id_does_not_depend_on_what_a_row_says_beside_its_time(void **state)
{
    (void)state;
    struct import_row row = user_row(42);
    row.user.file_mode = true;
    row.user.ad_count = 1;
    struct import_events before = made_of(IMPORT_USERS, &row);
    row.user.ad_cooldown = NOW_S;
    row.user.link = BYTES_LITERAL("other");
    struct import_events after = made_of(IMPORT_USERS, &row);
    assert_int_equal(before.count, 3);
    assert_int_equal(after.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(before.events[i].id, after.events[i].id, EVENT_ID_LEN);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(before.events[i].id, before.events[j].id, EVENT_ID_LEN);
    }
}

static void another_source_is_another_row(void **state)
{
    (void)state;
    struct import_row row = video_row(42);
    struct import_rules rules = RULES;
    struct import_events here = made_of(IMPORT_VIDEOS, &row);
    struct import_events there;
    rules.source = BYTES_LITERAL("other");
    assert_null(import_row_events(&rules, IMPORT_VIDEOS, &row, &there));
    assert_memory_not_equal(here.events[0].id, there.events[0].id, EVENT_ID_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_of_a_user_comes_back),
        cmocka_unit_test(a_chat_has_not_chosen_what_it_was_registered_with),
        cmocka_unit_test(an_ad_was_shown_a_day_before_its_cool_down_ends),
        cmocka_unit_test(who_came_by_a_link_pressed_start),
        cmocka_unit_test(a_user_that_no_event_can_say_is_refused_whole),
        cmocka_unit_test(a_video_is_one_event),
        cmocka_unit_test(music_is_one_event),
        cmocka_unit_test(a_long_link_is_cut_between_characters_and_says_so),
        cmocka_unit_test(only_what_is_left_of_a_long_link_must_be_utf8),
        cmocka_unit_test(a_fact_that_no_event_can_say_is_refused),
        cmocka_unit_test(a_time_is_between_1970_and_now),
        cmocka_unit_test(an_id_is_that_of_the_row),
        cmocka_unit_test(an_id_does_not_depend_on_what_a_row_says_beside_its_time),
        cmocka_unit_test(another_source_is_another_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
