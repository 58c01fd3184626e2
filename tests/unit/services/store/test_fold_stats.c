/* The statistics against a recount: of the rows, and of the facts of the history, written plainly.
 */
#include "libs/wire/erasure.h"
#include "tests/support/fake_projection_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HISTORY 500
#define USERS 60
#define PARTITIONS 3
#define ROUNDS 40

static uint32_t seed;
static struct batch_event history[HISTORY];
static struct fake_projection_store fake;
static struct {
    int64_t user_id;
    int32_t partition;
} pseudonyms[HISTORY]; /* of the history */
static size_t pseudonym_count;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Around the borders of hours, days and 32 days, in any order, some unknown. */
static int64_t any_time_ms(void)
{
    static const int64_t BORDERS[] = {FOLD_HOUR_S, FOLD_DAY_S, FOLD_32_DAYS_S, 7 * FOLD_DAY_S};
    if (any(8) == 0)
        return 0;
    int64_t border = BORDERS[any(4)] * (int64_t)(1 + any(4));
    return (border - 2 + (int64_t)any(4)) * 1000 + (int64_t)any(1000);
}

static struct event any_event(uint32_t number)
{
    static const enum event_kind KINDS[] = {EVENT_USER_SEEN,         EVENT_VIDEO_DOWNLOADED,
                                            EVENT_VIDEO_DOWNLOADED,  EVENT_MUSIC_EXTRACTED,
                                            EVENT_USER_LANG_CHANGED, EVENT_USER_MODE_CHANGED,
                                            EVENT_USER_ERASED};
    static const char *const LANGS[] = {"en", "ru", "ar"};
    static const char *const LINKS[] = {"promo", "Promo", "x"};
    struct event event = {
        .kind = KINDS[any(20) == 0 ? 6 : any(6)], .bot_id = 1, .update_id = any(9)};
    event.occurred_at_ms = any_time_ms();
    event.subject_id = (int64_t)(any(USERS) * any(USERS) / USERS) - USERS / 4;
    memcpy(event.id, &number, sizeof(number));
    if (event.kind == EVENT_USER_ERASED && event.subject_id == 0)
        event.subject_id = USERS;
    if (event.kind == EVENT_USER_SEEN) {
        event.user_seen.source = SEEN_TEXT;
        event.user_seen.lang = bytes_of_text(LANGS[any(3)]);
        event.user_seen.link = any(2) == 0 ? (struct bytes){0} : bytes_of_text(LINKS[any(3)]);
    }
    if (event.kind == EVENT_VIDEO_DOWNLOADED)
        event.video = (struct event_video_downloaded){.is_images = any(3) == 0};
    if (event.kind == EVENT_USER_LANG_CHANGED)
        event.lang = bytes_of_text(LANGS[any(3)]);
    if (event.kind == EVENT_USER_MODE_CHANGED)
        event.mode = (struct event_mode_change){any(2) == 0, any(2) == 0};
    return event;
}

/* A pseudonym's is that of whom it stands for. */
static int32_t partition_of(int64_t user_id)
{
    for (size_t i = 0; i < pseudonym_count && erasure_is_pseudonym(user_id); i++)
        if (pseudonyms[i].user_id == user_id)
            return pseudonyms[i].partition;
    return (int32_t)((user_id + USERS) % PARTITIONS);
}

static void note_pseudonym(const struct batch_event *erased)
{
    pseudonyms[pseudonym_count].user_id = erasure_pseudonym(&erased->event);
    pseudonyms[pseudonym_count++].partition = erased->record.place.partition;
}

static void any_history(void)
{
    pseudonym_count = 0;
    for (uint32_t i = 0; i < HISTORY; i++) {
        history[i] = (struct batch_event){.event = any_event(i + 1)};
        history[i].record.place =
            (struct fold_place){.partition = partition_of(history[i].event.subject_id),
                                .offset = i,
                                .record_ms = FOLD_32_DAYS_S * 10000};
        if (history[i].event.kind == EVENT_USER_ERASED)
            note_pseudonym(&history[i]);
    }
}

static void feed(void)
{
    struct projection_store store = fake_projection_store_port(&fake);
    struct fold *fold = fold_new();
    struct err err;
    for (size_t from = 0; from < HISTORY;) {
        size_t len = 1 + any(120);
        len = HISTORY - from < len ? HISTORY - from : len;
        struct batch batch = {
            .events = history + from, .event_count = len, .expect_duplicates = true};
        assert_int_equal(store.apply(store.self, &batch, fold, &err), APPLY_COMMITTED);
        from += len;
    }
    fold_free(fold);
}

/* ---- the recount ---- */

struct cell {
    int32_t partition;
    int16_t chat_class;
    int16_t level; /* 0: of all time */
    int64_t bucket;
};

static bool is_in(const struct cell *cell, int64_t user_id)
{
    int16_t chat_class = user_id == 0 ? 0 : (int16_t)(user_id > 0 ? 1 : 2);
    return partition_of(user_id) == cell->partition && chat_class == cell->chat_class;
}

static bool is_at(const struct cell *cell, int64_t time_s)
{
    static const int64_t LENGTHS[] = {1, FOLD_HOUR_S, FOLD_DAY_S, FOLD_32_DAYS_S};
    return cell->level == 0 ||
           (time_s != FOLD_NEVER && time_s / LENGTHS[cell->level] == cell->bucket);
}

static void recount(const struct cell *cell, int64_t out[FOLD_COUNTS])
{
    memset(out, 0, FOLD_COUNTS * sizeof(*out));
    for (size_t i = 0; i < fake.user_count; i++) {
        const struct fold_user *user = &fake.users[i];
        if (!is_in(cell, user->user_id))
            continue;
        int64_t registered = user->has_registered_at ? user->registered_at : FOLD_NEVER;
        out[FOLD_CHATS] += !user->is_stub && is_at(cell, registered);
        out[FOLD_VIDEO_USERS] += user->videos.count > 0 && is_at(cell, user->videos.last_at);
        out[FOLD_IMAGE_USERS] += user->images.count > 0 && is_at(cell, user->images.last_at);
        out[FOLD_MUSIC_USERS] += user->music.count > 0 && is_at(cell, user->music.last_at);
    }
    for (size_t i = 0; i < HISTORY; i++) {
        const struct event *event = &history[i].event;
        int64_t time_s = event->occurred_at_ms == 0 ? FOLD_NEVER : event->occurred_at_ms / 1000;
        if (!is_in(cell, event->subject_id) || !is_at(cell, time_s))
            continue;
        bool is_video = event->kind == EVENT_VIDEO_DOWNLOADED;
        out[FOLD_VIDEOS] += is_video;
        out[FOLD_IMAGES] += is_video && event->video.is_images;
        out[FOLD_MUSIC] += event->kind == EVENT_MUSIC_EXTRACTED;
    }
}

static void check_totals(void)
{
    for (size_t i = 0; i < fake.total_count; i++) {
        const struct fold_totals *found = &fake.totals[i];
        const struct cell cell = {found->partition, found->chat_class, 0, 0};
        int64_t wanted[FOLD_COUNTS];
        recount(&cell, wanted);
        assert_memory_equal(found->counts, wanted, sizeof(wanted));
        int64_t file_modes = 0;
        for (size_t k = 0; k < fake.user_count; k++)
            file_modes += is_in(&cell, fake.users[k].user_id) && !fake.users[k].is_stub &&
                          fake.users[k].file_mode;
        assert_int_equal(found->file_modes, file_modes);
    }
}

static int64_t of_level(int16_t level, enum fold_count what)
{
    int64_t sum = 0;
    for (size_t i = 0; i < fake.bucket_count; i++)
        sum += fake.buckets[i].level == level ? fake.buckets[i].counts[what] : 0;
    return sum;
}

static void check_buckets(void)
{
    static const int64_t zeros[FOLD_COUNTS];
    for (size_t i = 0; i < fake.bucket_count; i++) {
        const struct fold_bucket *found = &fake.buckets[i];
        const struct cell cell = {found->partition, found->chat_class, found->level, found->bucket};
        int64_t wanted[FOLD_COUNTS];
        recount(&cell, wanted);
        assert_memory_equal(found->counts, wanted, sizeof(wanted));
        assert_memory_not_equal(found->counts, zeros, sizeof(zeros));
    }
    /* None is missing: each fact with a time stands once in each level. */
    int64_t videos = 0;
    for (size_t i = 0; i < HISTORY; i++)
        videos +=
            history[i].event.kind == EVENT_VIDEO_DOWNLOADED && history[i].event.occurred_at_ms != 0;
    for (int16_t level = 1; level <= 3; level++)
        assert_int_equal(of_level(level, FOLD_VIDEOS), videos);
}

static int64_t chats_with(int32_t partition, struct bytes text, bool is_link)
{
    int64_t count = 0;
    for (size_t i = 0; i < fake.user_count; i++) {
        const struct fold_user *user = &fake.users[i];
        struct bytes own = is_link ? user->link : user->lang;
        bool is_here = is_link || partition_of(user->user_id) == partition;
        count += !user->is_stub && is_here && own.data != NULL && bytes_equal(own, text);
    }
    return count;
}

static void check_texts(const struct fake_texts *texts, bool is_link)
{
    int64_t found = 0;
    int64_t wanted = 0;
    for (size_t i = 0; i < texts->count; i++) {
        const struct fold_text_count *row = &texts->rows[i];
        assert_true(row->chats > 0);
        assert_int_equal(row->chats, chats_with(row->partition, row->text, is_link));
        found += row->chats;
    }
    for (size_t i = 0; i < fake.user_count; i++)
        wanted += !fake.users[i].is_stub && (!is_link || fake.users[i].link.data != NULL);
    assert_int_equal(found, wanted);
}

/* How many users of the partition stand before this one. */
static size_t rank_of(const struct fold_user *user)
{
    size_t rank = 0;
    for (size_t i = 0; i < fake.user_count; i++) {
        const struct fold_user *other = &fake.users[i];
        bool is_as_good = other->videos.count == user->videos.count;
        bool is_alike = erasure_is_pseudonym(other->user_id) == erasure_is_pseudonym(user->user_id);
        bool is_before = other->videos.count > user->videos.count ||
                         (is_as_good && is_alike && other->user_id < user->user_id) ||
                         (is_as_good && !is_alike && erasure_is_pseudonym(other->user_id));
        rank += partition_of(other->user_id) == partition_of(user->user_id) && is_before;
    }
    return rank;
}

static void check_tops(void)
{
    size_t wanted = 0;
    for (size_t i = 0; i < fake.user_count; i++)
        wanted += fake.users[i].videos.count > 0 && rank_of(&fake.users[i]) < FOLD_TOP_USERS;
    assert_int_equal(fake.top_count, wanted);
    for (size_t i = 0; i < fake.top_count; i++) {
        const struct fold_user *user = fake_user(&fake, fake.tops[i].user_id);
        assert_int_equal(fake.tops[i].videos, user->videos.count);
        assert_int_equal(fake.tops[i].partition, partition_of(user->user_id));
        assert_true(rank_of(user) < FOLD_TOP_USERS);
    }
}

static void statistics_are_a_recount_whatever_the_batches(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        seed = round;
        any_history();
        fake_projection_store_init(&fake);
        feed();
        check_totals();
        check_buckets();
        check_texts(&fake.langs, false);
        check_texts(&fake.links, true);
        check_tops();
        fake_projection_store_done(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_a_recount_whatever_the_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
