#include "services/store/dlq_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHOWN_MAX (1 << 20)

/* The lines; freed by the caller. */
static char *shown(const struct event *event, bool reveals)
{
    struct buf text;
    buf_init(&text, SHOWN_MAX);
    assert_true(dlq_event_put(event, reveals, &text));
    assert_true(buf_append(&text, "", 1));
    return text.data;
}

static void assert_shows(const struct event *event, bool reveals, const char *line)
{
    char *text = shown(event, reveals);
    assert_non_null(strstr(text, line));
    free(text);
}

static struct event sighting(void)
{
    struct event event = {.bot_id = 9,
                          .kind = EVENT_USER_SEEN,
                          .subject_id = -5,
                          .update_id = 3,
                          .producer = BYTES_LITERAL("p")};
    event.user_seen = (struct event_user_seen){.chat_type = CHAT_SUPERGROUP,
                                               .source = SEEN_TEXT,
                                               .lang = BYTES_LITERAL("uk"),
                                               .link = BYTES_LITERAL("secret")};
    event.user_seen.personal.is_present = true;
    event.user_seen.personal.username = BYTES_LITERAL("secret");
    event.user_seen.personal.first_name = BYTES_LITERAL("secret");
    event.user_seen.personal.last_name = BYTES_LITERAL("secret");
    event.user_seen.personal.language_code = BYTES_LITERAL("secret");
    return event;
}

static void what_people_wrote_is_hidden(void **state)
{
    (void)state;
    struct event event = sighting();
    char *text = shown(&event, false);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "  user_id: -5\n  chat_type: supergroup\n  source: text\n"
                                 "  lang: uk\n  link: (6 bytes, not shown)\n"));
    free(text);
    event.kind = EVENT_VIDEO_DOWNLOADED;
    event.video = (struct event_video_downloaded){.video_link = BYTES_LITERAL("secret")};
    text = shown(&event, false);
    assert_null(strstr(text, "secret"));
    free(text);
    event.kind = EVENT_USER_SETTINGS_PATCHED;
    event.merge_patch = BYTES_LITERAL("{\"secret\":1}");
    text = shown(&event, false);
    assert_null(strstr(text, "secret"));
    free(text);
}

static void what_people_wrote_is_shown_if_asked_for(void **state)
{
    (void)state;
    struct event event = sighting();
    assert_shows(&event, true, "  link: secret\n  username: secret\n  first_name: secret\n");
    event.user_seen.link = (struct bytes){0};
    char *text = shown(&event, true);
    assert_null(strstr(text, "link:"));
    free(text);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    struct event event = sighting();
    event.user_seen.link = BYTES_LITERAL("a\033[2Jb\x7f\n\xc2\x9b"
                                         "1\xc2\xa0\xd0\x9b");
    assert_shows(&event, true, "  link: a\\x1b[2Jb\\x7f\\x0a\\xc2\\x9b1\xc2\xa0\xd0\x9b\n");
}

static void every_kind_shows_what_it_says(void **state)
{
    (void)state;
    struct event event = {.kind = EVENT_USER_LANG_CHANGED, .lang = BYTES_LITERAL("vi")};
    assert_shows(&event, false, "  lang: vi\n");
    event = (struct event){.kind = EVENT_USER_MODE_CHANGED, .mode = {.is_toggle = true}};
    assert_shows(&event, false, "  toggle: true\n");
    event.mode = (struct event_mode_change){.file_mode = false};
    assert_shows(&event, false, "  file_mode: false\n");
    event = (struct event){.kind = EVENT_VIDEO_DOWNLOADED};
    event.video = (struct event_video_downloaded){.video_link = BYTES_LITERAL("v"),
                                                  .is_inline = true,
                                                  .platform = PLATFORM_INSTAGRAM,
                                                  .has_platform_video_id = true,
                                                  .platform_video_id = INT64_MIN};
    assert_shows(&event, false,
                 "  is_inline: true\n  platform: instagram\n"
                 "  platform_video_id: -9223372036854775808\n");
    event = (struct event){.kind = EVENT_MUSIC_EXTRACTED, .music_video_id = 5};
    assert_shows(&event, false, "  video_id: 5\n");
    event = (struct event){.kind = EVENT_AD_SHOWN};
    event.ad_shown = (struct event_ad_shown){true, true, 60, 4};
    assert_shows(&event, false, "  cooldown_s: 60\n  count_after: 4\n");
    event = (struct event){.kind = EVENT_CHAT_MIGRATED, .subject_id = -1};
    event.migrated.old_id = -1;
    event.migrated.new_id = -1001;
    assert_shows(&event, false, "  subject_id: -1\n  old_id: -1\n  new_id: -1001\n");
    event = (struct event){.kind = EVENT_USER_BLOCKED, .blocked = true};
    assert_shows(&event, false, "  blocked: true\n");
}

static void too_little_room_is_said(void **state)
{
    (void)state;
    struct event event = sighting();
    struct buf text;
    buf_init(&text, 40);
    assert_false(dlq_event_put(&event, true, &text));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_wrote_is_hidden),
        cmocka_unit_test(what_people_wrote_is_shown_if_asked_for),
        cmocka_unit_test(control_characters_do_not_reach_a_terminal),
        cmocka_unit_test(every_kind_shows_what_it_says),
        cmocka_unit_test(too_little_room_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
