#include "services/store/fold.h"

#include "libs/wire/erasure.h"
#include "tests/support/fake_projection_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HISTORY 400
#define USERS 12
#define PARTITIONS 3
#define ROUNDS 60

static uint32_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static const char *const LANGS[] = {"en", "ru", "ar", "vi"};
static const char *const LINKS[] = {"", "promo", "Promo", "x"};
static const enum event_kind KINDS[] = {
    EVENT_USER_SEEN,         EVENT_USER_SEEN,         EVENT_USER_SEEN,
    EVENT_USER_LANG_CHANGED, EVENT_USER_MODE_CHANGED, EVENT_VIDEO_DOWNLOADED,
    EVENT_MUSIC_EXTRACTED,   EVENT_AD_SHOWN,          EVENT_AD_COUNTED,
    EVENT_USER_BLOCKED,      EVENT_CHAT_MIGRATED,     EVENT_USER_SETTINGS_PATCHED,
    EVENT_USER_ERASED};
#define KIND_COUNT 13
static const char *const PATCHES[] = {"{\"a\":1}", "{\"a\":null}", "{\"b\":{\"c\":[1,2]}}",
                                      "{\"b\":{\"c\":null,\"d\":\"x\"}}"};

static struct bytes any_text(const char *const *texts)
{
    return any(3) == 0 ? (struct bytes){0} : bytes_of_text(texts[any(4)]);
}

static void any_seen(struct event *event)
{
    event->user_seen = (struct event_user_seen){
        .chat_type = event->subject_id > 0 ? CHAT_PRIVATE : CHAT_GROUP,
        .source = (enum event_seen_source)(1 + any(3)),
        .lang = bytes_of_text(LANGS[any(4)]),
        .link = any_text(LINKS),
    };
    event->user_seen.personal.is_present = any(3) > 0;
    event->user_seen.personal.username = any_text(LINKS);
    event->user_seen.personal.first_name = any_text(LINKS);
}

static struct event any_event(uint32_t number, enum event_kind kind)
{
    struct event event = {.kind = kind, .update_id = any(5), .bot_id = 1};
    event.occurred_at_ms = any(4) == 0 ? 0 : (int64_t)any(20) * 700;
    event.subject_id = (int64_t)any(USERS) - USERS / 2;
    memcpy(event.id, &number, sizeof(number));
    if (kind == EVENT_USER_SEEN)
        any_seen(&event);
    if (kind == EVENT_USER_LANG_CHANGED)
        event.lang = bytes_of_text(LANGS[any(4)]);
    if (kind == EVENT_USER_MODE_CHANGED)
        event.mode = (struct event_mode_change){any(2) == 0, any(2) == 0};
    if (kind == EVENT_VIDEO_DOWNLOADED)
        event.video = (struct event_video_downloaded){.video_link = BYTES_LITERAL("https://x"),
                                                      .is_images = any(3) == 0};
    if (kind == EVENT_AD_SHOWN)
        event.ad_shown = (struct event_ad_shown){any(2) == 0, any(2) == 0, 60, 2};
    if (kind == EVENT_USER_SETTINGS_PATCHED)
        event.merge_patch = bytes_of_text(PATCHES[any(4)]);
    if (kind == EVENT_USER_BLOCKED)
        event.blocked = any(2) == 0;
    if (kind == EVENT_USER_ERASED && event.subject_id == 0)
        event.subject_id = 1;
    if (kind == EVENT_CHAT_MIGRATED) {
        event.migrated.old_id = event.subject_id;
        event.migrated.new_id = (int64_t)any(USERS) - USERS / 2;
    }
    return event;
}

/* An erasure stands in any partition, the rest in that of its subject. */
static struct fold_place any_place(const struct event *event, int64_t offset)
{
    struct fold_place place = {.partition = (int32_t)((event->subject_id + USERS) % PARTITIONS),
                               .offset = offset,
                               .record_ms = 10000};
    place.is_foreign = event->kind == EVENT_USER_ERASED && any(2) == 0;
    place.partition = (place.partition + (place.is_foreign ? 1 : 0)) % PARTITIONS;
    return place;
}

static void any_history(struct batch_event *history, size_t count, bool only_seen)
{
    for (size_t i = 0; i < count; i++) {
        enum event_kind kind = only_seen ? EVENT_USER_SEEN : KINDS[any(KIND_COUNT)];
        history[i] = (struct batch_event){.event = any_event((uint32_t)i + 1, kind)};
        history[i].record.place = any_place(&history[i].event, (int64_t)i);
    }
}

/* Feed the history in batches of at most `size`, without fences; in a bulk some stay open. */
static void feed(struct fake_projection_store *fake, struct batch_event *history, size_t count,
                 size_t size)
{
    struct projection_store store = fake_projection_store_port(fake);
    struct fold *fold = fold_new();
    struct err err;
    for (size_t from = 0; from < count;) {
        size_t len = count - from < size ? count - from : size;
        struct batch batch = {.events = history + from,
                              .event_count = len,
                              .expect_duplicates = true,
                              .is_more_to_come = fake->is_bulk && from + len < count && any(3) > 0};
        enum apply_result result = store.apply(store.self, &batch, fold, &err);
        assert_true(result == APPLY_COMMITTED || (result == APPLY_OPEN && batch.is_more_to_come));
        from += len;
    }
    fold_free(fold);
}

static void assert_same_text(struct bytes a, struct bytes b)
{
    assert_true((a.data == NULL) == (b.data == NULL));
    assert_true(bytes_equal(a, b));
}

static void assert_same_mark(const struct fold_mark *a, const struct fold_mark *b)
{
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->update_id, b->update_id);
    assert_memory_equal(a->event_id, b->event_id, EVENT_ID_LEN);
}

static void assert_same_user(const struct fold_user *a, const struct fold_user *b)
{
    assert_int_equal(a->has_registered_at, b->has_registered_at);
    assert_true(!a->has_registered_at || a->registered_at == b->registered_at);
    assert_same_text(a->lang, b->lang);
    assert_same_text(a->link, b->link);
    assert_int_equal(a->file_mode, b->file_mode);
    assert_int_equal(a->ad_count, b->ad_count);
    assert_int_equal(a->ad_cooldown, b->ad_cooldown);
    assert_int_equal(a->is_stub, b->is_stub);
    assert_int_equal(a->is_lang_set, b->is_lang_set);
    assert_int_equal(a->is_blocked, b->is_blocked);
    assert_int_equal(a->is_mode_set, b->is_mode_set);
    assert_memory_equal(&a->videos, &b->videos, sizeof(a->videos));
    assert_memory_equal(&a->images, &b->images, sizeof(a->images));
    assert_memory_equal(&a->music, &b->music, sizeof(a->music));
    if (!a->is_stub)
        assert_same_mark(&a->first, &b->first);
}

static void assert_same_profile(const struct fold_profile *a, const struct fold_profile *b)
{
    assert_same_text(a->username, b->username);
    assert_same_text(a->first_name, b->first_name);
    assert_int_equal(a->has_created_at, b->has_created_at);
    assert_true(!a->has_created_at || a->created_at_ms == b->created_at_ms);
    assert_same_text(a->settings, b->settings);
    assert_int_equal(a->has_first, b->has_first);
    if (a->has_first)
        assert_same_mark(&a->first, &b->first);
    assert_int_equal(a->has_last, b->has_last);
    if (a->has_last)
        assert_same_mark(&a->last, &b->last);
}

static bool has_alias(const struct fake_projection_store *fake, const struct fold_alias *alias)
{
    for (size_t i = 0; i < fake->alias_count; i++)
        if (fake->aliases[i].partition == alias->partition &&
            fake->aliases[i].old_id == alias->old_id && fake->aliases[i].new_id == alias->new_id)
            return true;
    return false;
}

static void assert_same_erasures(const struct fake_projection_store *a,
                                 const struct fake_projection_store *b)
{
    assert_int_equal(a->alias_count, b->alias_count);
    for (size_t i = 0; i < a->alias_count; i++)
        assert_true(has_alias(b, &a->aliases[i]));
    assert_int_equal(a->erasure_count, b->erasure_count);
    for (size_t i = 0; i < a->erasure_count; i++) {
        assert_int_equal(a->erasures[i].place.offset, b->erasures[i].place.offset);
        assert_int_equal(a->erasures[i].pseudonym, b->erasures[i].pseudonym);
        assert_int_equal(a->erasures[i].has_videos, b->erasures[i].has_videos);
        assert_int_equal(a->erasures[i].has_music, b->erasures[i].has_music);
    }
}

static void assert_same_rows(const struct fake_projection_store *a,
                             const struct fake_projection_store *b)
{
    assert_int_equal(a->user_count, b->user_count);
    for (size_t i = 0; i < a->user_count; i++) {
        const struct fold_user *other = fake_user(b, a->users[i].user_id);
        assert_non_null(other);
        assert_same_user(&a->users[i], other);
    }
    assert_int_equal(a->profile_count, b->profile_count);
    for (size_t i = 0; i < a->profile_count; i++) {
        size_t k = 0;
        while (b->profiles[k].id != a->profiles[i].id)
            assert_true(++k < b->profile_count);
        assert_same_profile(&a->profiles[i], &b->profiles[k]);
    }
}

/* Of all kinds. */
static void assert_same_tables(const struct fake_projection_store *a,
                               const struct fake_projection_store *b)
{
    assert_same_rows(a, b);
    assert_same_erasures(a, b);
    assert_int_equal(a->top_count, b->top_count);
    for (size_t i = 0; i < a->top_count; i++) {
        size_t k = 0;
        while (b->tops[k].user_id != a->tops[i].user_id)
            assert_true(++k < b->top_count);
        assert_int_equal(a->tops[i].videos, b->tops[k].videos);
    }
}

static void shuffle(struct batch_event *events, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = any((uint32_t)i);
        struct batch_event swap = events[i - 1];
        events[i - 1] = events[k];
        events[k] = swap;
    }
}

static void sightings_in_any_order_and_number_give_the_same_rows(void **state)
{
    (void)state;
    static struct batch_event history[HISTORY];
    static struct fake_projection_store once;
    static struct fake_projection_store again;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        seed = round;
        size_t distinct = 1 + any(HISTORY / 2);
        any_history(history, distinct, true);
        fake_projection_store_init(&once);
        feed(&once, history, distinct, 1);

        for (size_t i = distinct; i < HISTORY; i++)
            history[i] = history[any((uint32_t)distinct)];
        shuffle(history, HISTORY);
        fake_projection_store_init(&again);
        feed(&again, history, HISTORY, 1 + any(50));
        assert_same_rows(&once, &again);
        fake_projection_store_done(&once);
        fake_projection_store_done(&again);
    }
}

static void batches_of_any_size_give_what_single_events_give(void **state)
{
    (void)state;
    static struct batch_event history[HISTORY];
    static struct fake_projection_store single;
    static struct fake_projection_store batched;
    static struct fake_projection_store bulk;
    int lefts = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        seed = round;
        any_history(history, HISTORY, false);
        fake_projection_store_init(&single);
        fake_projection_store_init(&batched);
        feed(&single, history, HISTORY, 1);
        feed(&batched, history, HISTORY, 1 + any(HISTORY));
        assert_same_tables(&single, &batched);
        fake_projection_store_init(&bulk);
        bulk.is_bulk = true;
        feed(&bulk, history, HISTORY, 1 + any(20));
        assert_same_tables(&single, &bulk);
        lefts += bulk.lefts;
        fake_projection_store_done(&single);
        fake_projection_store_done(&batched);
        fake_projection_store_done(&bulk);
    }
    assert_true(lefts > (int)ROUNDS);
}

/* ---- single rules ---- */

static struct batch_event one(enum event_kind kind, int64_t user_id, int64_t time_ms)
{
    static uint32_t number = 1000;
    number++;
    struct batch_event event = {.event = {.kind = kind, .subject_id = user_id}};
    event.event.occurred_at_ms = time_ms;
    memcpy(event.event.id, &number, sizeof(number));
    event.record.place =
        (struct fold_place){.partition = 1, .offset = number, .record_ms = 1000000};
    return event;
}

static struct batch_event seen(enum event_seen_source source, int64_t user_id, int64_t time_ms,
                               const char *lang)
{
    struct batch_event event = one(EVENT_USER_SEEN, user_id, time_ms);
    event.event.user_seen.source = source;
    event.event.user_seen.chat_type = user_id > 0 ? CHAT_PRIVATE : CHAT_GROUP;
    event.event.user_seen.lang = bytes_of_text(lang);
    return event;
}

static struct fake_projection_store table;

static const struct fold_user *after(struct batch_event *events, size_t count, int64_t user_id)
{
    fake_projection_store_done(&table);
    fake_projection_store_init(&table);
    feed(&table, events, count, count);
    return fake_user(&table, user_id);
}

static void a_private_message_registers_nobody(void **state)
{
    (void)state;
    struct batch_event events[] = {seen(SEEN_PRIVATE_MESSAGE, 7, 5000, "ru")};
    assert_null(after(events, 1, 7));
    assert_int_equal(table.profile_count, 0);
}

static void a_fact_of_an_unknown_user_makes_a_stub_that_a_sighting_fills(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_VIDEO_DOWNLOADED, 7, 9000),
                                   seen(SEEN_TEXT, 7, 5999, "ru")};
    const struct fold_user *user = after(events, 1, 7);
    assert_true(user->is_stub);
    assert_memory_equal(user->lang.data, "en", 2);
    assert_int_equal(table.totals[0].counts[FOLD_CHATS], 0);
    assert_int_equal(table.totals[0].counts[FOLD_VIDEO_USERS], 1);
    user = after(events, 2, 7);
    assert_false(user->is_stub);
    assert_memory_equal(user->lang.data, "ru", 2);
    assert_int_equal(user->registered_at, 5);
    assert_int_equal(user->videos.count, 1);
    assert_int_equal(user->videos.last_at, 9);
    assert_int_equal(table.totals[0].counts[FOLD_CHATS], 1);
}

static void an_unknown_time_registers_without_a_time(void **state)
{
    (void)state;
    struct batch_event events[] = {seen(SEEN_START, 7, 0, "ar")};
    const struct fold_user *user = after(events, 1, 7);
    assert_false(user->is_stub);
    assert_false(user->has_registered_at);
    assert_int_equal(table.profile_count, 1);
    assert_false(table.profiles[0].has_created_at);
}

static void an_unknown_time_does_not_push_aside_what_was_known(void **state)
{
    (void)state;
    struct batch_event events[] = {seen(SEEN_TEXT, 7, 5000, "ru"), seen(SEEN_START, 7, 0, "ar")};
    const struct fold_user *user = after(events, 2, 7);
    assert_true(user->has_registered_at);
    assert_int_equal(user->registered_at, 5);
    assert_memory_equal(user->lang.data, "ru", 2);
}

static void a_chosen_language_stays(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_USER_LANG_CHANGED, 7, 9000),
                                   seen(SEEN_TEXT, 7, 5000, "ru")};
    events[0].event.lang = BYTES_LITERAL("vi");
    const struct fold_user *user = after(events, 2, 7);
    assert_memory_equal(user->lang.data, "vi", 2);
    assert_false(user->is_stub);
}

static void a_toggle_turns_the_mode_and_a_value_sets_it(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_USER_MODE_CHANGED, 7, 1),
                                   one(EVENT_USER_MODE_CHANGED, 7, 2),
                                   one(EVENT_USER_MODE_CHANGED, 7, 3)};
    events[0].event.mode = (struct event_mode_change){.is_toggle = true};
    events[1].event.mode = (struct event_mode_change){.is_toggle = true};
    events[2].event.mode = (struct event_mode_change){.file_mode = true};
    assert_true(after(events, 1, 7)->file_mode);
    assert_false(after(events, 2, 7)->file_mode);
    assert_true(after(events, 3, 7)->file_mode);
    assert_true(fake_user(&table, 7)->is_stub);
}

static void an_advertisement_resets_the_count_and_starts_the_cooldown(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_AD_SHOWN, 7, 10999), one(EVENT_AD_COUNTED, 7, 11000),
                                   one(EVENT_AD_SHOWN, 7, 0)};
    const struct fold_user *user = after(events, 2, 7);
    assert_int_equal(user->ad_count, 2);
    assert_int_equal(user->ad_cooldown, 10 + 86400);
    events[2].event.ad_shown =
        (struct event_ad_shown){.has_count_after = true, .count_after = INT32_MAX};
    user = after(events, 3, 7);
    assert_int_equal(user->ad_cooldown, 10 + 86400);
    struct batch_event more[] = {events[2], one(EVENT_AD_COUNTED, 7, 1)};
    assert_int_equal(after(more, 2, 7)->ad_count, INT32_MAX);
}

static void a_clock_far_ahead_counts_as_the_records_time_and_five_minutes(void **state)
{
    (void)state;
    struct batch_event event = one(EVENT_VIDEO_DOWNLOADED, 7, 99999999);
    assert_int_equal(fold_time_ms(&event.event, &event.record.place), 1000000 + 300000);
    event.event.occurred_at_ms = 1299999;
    assert_int_equal(fold_time_ms(&event.event, &event.record.place), 1299999);
}

static void names_come_from_the_newest_sighting_that_has_them(void **state)
{
    (void)state;
    struct batch_event events[] = {seen(SEEN_START, 7, 5000, "ru"), seen(SEEN_START, 7, 4000, "ru"),
                                   seen(SEEN_START, 7, 9000, "ru")};
    events[1].event.user_seen.personal = (struct event_personal){
        .is_present = true, .username = BYTES_LITERAL("u"), .first_name = BYTES_LITERAL("Name")};
    (void)after(events, 3, 7);
    assert_int_equal(table.profiles[0].created_at_ms, 4000);
    assert_memory_equal(table.profiles[0].first_name.data, "Name", 4);
    (void)after(events, 1, 7);
    assert_false(table.profiles[0].has_last);
    assert_int_equal(table.profiles[0].first_name.len, 0);
    assert_null(table.profiles[0].username.data);
}

static void a_start_in_a_group_makes_no_profile(void **state)
{
    (void)state;
    struct batch_event events[] = {seen(SEEN_START, -7, 5000, "ru")};
    assert_non_null(after(events, 1, -7));
    assert_int_equal(table.profile_count, 0);
    assert_int_equal(table.totals[0].chat_class, 2);
}

static void settings_before_a_start_wait_in_a_stub(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_USER_SETTINGS_PATCHED, 7, 4000),
                                   seen(SEEN_START, 7, 5000, "ru")};
    events[0].event.merge_patch = BYTES_LITERAL("{\"a\":1}");
    assert_null(after(events, 1, 7));
    assert_int_equal(table.profile_count, 1);
    assert_false(table.profiles[0].has_first);
    assert_non_null(after(events, 2, 7));
    assert_true(table.profiles[0].has_first);
    assert_int_equal(table.profiles[0].created_at_ms, 5000);
    assert_same_text(table.profiles[0].settings, BYTES_LITERAL("{\"a\":1}"));
}

static void an_unchanged_row_is_not_written(void **state)
{
    (void)state;
    struct fold *fold = fold_new();
    struct batch_event event = seen(SEEN_TEXT, 7, 9000, "ru");
    struct fold_user row = {.user_id = 7, .lang = BYTES_LITERAL("en"), .first = {.time_ms = 5000}};
    fold_want(fold, &event.event, &event.record.place);
    fold_load_user(fold, &row);
    fold_apply(fold, &event.event, &event.record.place);
    const struct fold_user *const *rows = NULL;
    assert_int_equal(fold_changed_users(fold, &rows), 0);
    fold_free(fold);
}

static void kinds_of_later_builds_are_not_known(void **state)
{
    (void)state;
    assert_false(fold_is_known(EVENT_NONE));
    assert_true(fold_is_known(EVENT_USER_ERASED));
}

/* ---- erasing ---- */

static struct batch_event linked(int64_t user_id, const char *link)
{
    struct batch_event event = seen(SEEN_START, user_id, 5000, "ru");
    event.event.user_seen.link = bytes_of_text(link);
    event.event.user_seen.personal.is_present = true;
    event.event.user_seen.personal.first_name = BYTES_LITERAL("Name");
    return event;
}

static void an_erased_person_goes_on_as_a_pseudonym_that_counts_the_same(void **state)
{
    (void)state;
    struct batch_event events[] = {linked(7, "of_a_friend"), one(EVENT_VIDEO_DOWNLOADED, 7, 9000),
                                   one(EVENT_USER_SETTINGS_PATCHED, 7, 9000),
                                   one(EVENT_USER_ERASED, 7, 10000)};
    events[2].event.merge_patch = BYTES_LITERAL("{\"a\":1}");
    int64_t pseudonym = erasure_pseudonym(&events[3].event);
    assert_null(after(events, 4, 7));
    const struct fold_user *user = fake_user(&table, pseudonym);
    assert_non_null(user);
    assert_memory_equal(user->lang.data, "ru", 2);
    assert_int_equal(user->registered_at, 5);
    assert_int_equal(user->videos.count, 1);
    assert_true(user->is_blocked);
    assert_non_null(user->link.data);
    assert_int_equal(user->link.len, 0);
    assert_int_equal(table.profile_count, 0);
    assert_int_equal(table.totals[0].counts[FOLD_CHATS], 1);
    assert_int_equal(table.totals[0].counts[FOLD_VIDEO_USERS], 1);
    assert_int_equal(table.links.count, 1);
    assert_int_equal(table.links.rows[0].text.len, 0);
    assert_int_equal(table.top_count, 1);
    assert_int_equal(table.tops[0].user_id, pseudonym);
    assert_true(table.erasures[0].has_videos);
    assert_false(table.erasures[0].has_music);
}

static void who_comes_back_is_a_new_person(void **state)
{
    (void)state;
    struct batch_event events[] = {linked(7, "of_a_friend"), one(EVENT_VIDEO_DOWNLOADED, 7, 9000),
                                   one(EVENT_USER_ERASED, 7, 10000),
                                   one(EVENT_VIDEO_DOWNLOADED, 7, 11000), linked(7, "again")};
    int64_t pseudonym = erasure_pseudonym(&events[2].event);
    const struct fold_user *user = after(events, 5, 7);
    assert_non_null(user);
    assert_int_equal(user->videos.count, 1);
    assert_true(bytes_equal(user->link, BYTES_LITERAL("again")));
    assert_int_equal(fake_user(&table, pseudonym)->videos.count, 1);
    assert_int_equal(table.totals[0].counts[FOLD_VIDEO_USERS], 2);
    assert_int_equal(table.top_count, 2);
}

static void an_erasure_of_a_stranger_leaves_no_row(void **state)
{
    (void)state;
    struct batch_event events[] = {one(EVENT_USER_ERASED, 7, 10000)};
    assert_null(after(events, 1, 7));
    assert_int_equal(table.user_count, 0);
    assert_int_equal(table.profile_count, 0);
    assert_int_equal(table.erasure_count, 1);
}

static void an_erasure_in_a_foreign_partition_touches_its_aliases_alone(void **state)
{
    (void)state;
    struct batch_event events[] = {
        seen(SEEN_TEXT, -7, 5000, "ru"), one(EVENT_CHAT_MIGRATED, -7, 6000),
        one(EVENT_CHAT_MIGRATED, -1007, 6000), one(EVENT_USER_ERASED, -7, 10000)};
    for (int i = 1; i < 3; i++) {
        events[i].event.migrated.old_id = -7;
        events[i].event.migrated.new_id = -1007;
    }
    events[2].record.place.partition = 2;
    events[3].record.place.partition = 2;
    events[3].record.place.is_foreign = true;
    int64_t pseudonym = erasure_pseudonym(&events[3].event);
    assert_true(pseudonym < 0);
    assert_non_null(after(events, 4, -7));
    assert_null(fake_user(&table, pseudonym));
    assert_int_equal(table.alias_count, 2);
    assert_true(has_alias(&table, &(struct fold_alias){1, -7, -1007}));
    assert_true(has_alias(&table, &(struct fold_alias){2, pseudonym, -1007}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sightings_in_any_order_and_number_give_the_same_rows),
        cmocka_unit_test(batches_of_any_size_give_what_single_events_give),
        cmocka_unit_test(a_private_message_registers_nobody),
        cmocka_unit_test(a_fact_of_an_unknown_user_makes_a_stub_that_a_sighting_fills),
        cmocka_unit_test(an_unknown_time_registers_without_a_time),
        cmocka_unit_test(an_unknown_time_does_not_push_aside_what_was_known),
        cmocka_unit_test(a_chosen_language_stays),
        cmocka_unit_test(a_toggle_turns_the_mode_and_a_value_sets_it),
        cmocka_unit_test(an_advertisement_resets_the_count_and_starts_the_cooldown),
        cmocka_unit_test(a_clock_far_ahead_counts_as_the_records_time_and_five_minutes),
        cmocka_unit_test(names_come_from_the_newest_sighting_that_has_them),
        cmocka_unit_test(a_start_in_a_group_makes_no_profile),
        cmocka_unit_test(settings_before_a_start_wait_in_a_stub),
        cmocka_unit_test(an_unchanged_row_is_not_written),
        cmocka_unit_test(kinds_of_later_builds_are_not_known),
        cmocka_unit_test(an_erased_person_goes_on_as_a_pseudonym_that_counts_the_same),
        cmocka_unit_test(who_comes_back_is_a_new_person),
        cmocka_unit_test(an_erasure_of_a_stranger_leaves_no_row),
        cmocka_unit_test(an_erasure_in_a_foreign_partition_touches_its_aliases_alone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fake_projection_store_done(&table);
    return failed;
}
