/*
 * fuzz_fold: any sequence of events, folded in several ways.
 *
 * Four bytes an event. One by one in the log's order gives the same rows as all at once (an even
 * size), and as batches of any size with the users' events in another order among each other and
 * every sighting anywhere, once or twice. The totals are a recount of the rows.
 */
#include "services/store/fold.h"

#include "services/store/fold_totals.h"
#include "tests/fuzz/fuzz.h"

#define STEP_LEN 4
#define STEPS_MAX 64
#define USERS 8
#define PARTITIONS 3
#define TEXT_MAX 8

struct step {
    struct event event;
    struct fold_place place;
};

struct user {
    struct fold_user row;
    char lang[TEXT_MAX];
    char link[TEXT_MAX];
    bool exists;
};

struct profile {
    struct fold_profile row;
    char username[TEXT_MAX];
    char first_name[TEXT_MAX];
    bool exists;
};

struct table {
    struct user users[USERS];
    struct profile profiles[USERS];
    struct fold_totals totals[PARTITIONS][FOLD_CHAT_CLASSES];
};

/* ---- events ---- */

static struct bytes text_of(unsigned choice)
{
    static const char *const texts[] = {NULL, "", "a", "bc"};
    const char *text = texts[choice % 4];
    return text == NULL ? (struct bytes){NULL, 0} : bytes_of_text(text);
}

static struct bytes lang_of(unsigned choice)
{
    static const char *const langs[] = {"en", "ru", "ar", "vi"};
    return bytes_of_text(langs[choice % 4]);
}

static void fill_payload(struct event *event, unsigned content)
{
    if (event->kind == EVENT_USER_SEEN)
        event->user_seen = (struct event_user_seen){
            .chat_type = (content & 1) == 0 ? CHAT_PRIVATE : CHAT_GROUP,
            .source = (enum event_seen_source)(SEEN_START + (content >> 1) % 3),
            .lang = lang_of(content >> 3),
            .link = text_of(content >> 4),
            .personal = {.is_present = (content & 64) != 0,
                         .username = text_of(content >> 5),
                         .first_name = text_of(content >> 6)},
        };
    if (event->kind == EVENT_USER_LANG_CHANGED)
        event->lang = lang_of(content);
    if (event->kind == EVENT_USER_MODE_CHANGED)
        event->mode = (struct event_mode_change){(content & 1) != 0, content == 2};
    if (event->kind == EVENT_VIDEO_DOWNLOADED)
        event->video.is_images = (content & 1) != 0;
    if (event->kind == EVENT_AD_SHOWN)
        event->ad_shown = (struct event_ad_shown){(content & 1) != 0, (content & 2) != 0,
                                                  content * 1000, (int32_t)content};
    if (event->kind == EVENT_USER_BLOCKED)
        event->blocked = (content & 1) != 0;
}

/* The same bytes are the same event: sightings may repeat. */
static struct step make_step(const uint8_t bytes[STEP_LEN])
{
    static const enum event_kind kinds[] = {
        EVENT_USER_SEEN,
        EVENT_USER_LANG_CHANGED,
        EVENT_USER_MODE_CHANGED,
        EVENT_VIDEO_DOWNLOADED,
        EVENT_MUSIC_EXTRACTED,
        EVENT_AD_SHOWN,
        EVENT_AD_COUNTED,
        EVENT_CHAT_MIGRATED,
        EVENT_USER_BLOCKED,
        EVENT_USER_ERASED,
        EVENT_USER_SETTINGS_PATCHED,
        EVENT_USER_SEEN,
        EVENT_USER_SEEN,
        EVENT_USER_SEEN,
        EVENT_USER_SEEN,
        EVENT_USER_LANG_CHANGED,
    };
    unsigned user = bytes[1] % USERS;
    struct step step = {.event = {.kind = kinds[bytes[0] % 16], .bot_id = 1}};
    step.event.subject_id = (int64_t)user - USERS / 2;
    step.event.update_id = bytes[0] >> 4;
    step.event.occurred_at_ms = INT64_C(50000) * bytes[2];
    memcpy(step.event.id, bytes, STEP_LEN);
    step.place.partition = (int32_t)(user % PARTITIONS);
    step.place.record_ms = INT64_C(300000) * (bytes[1] / USERS);
    fill_payload(&step.event, bytes[3]);
    return step;
}

/* ---- the rows in the database ---- */

static struct bytes keep_text(struct bytes text, char out[TEXT_MAX])
{
    DEMAND(text.len < TEXT_MAX);
    if (text.data == NULL)
        return text;
    memcpy(out, text.data, text.len);
    return (struct bytes){out, text.len};
}

static void keep_user(struct table *table, const struct fold_user *row)
{
    struct user *user = &table->users[row->user_id + USERS / 2];
    user->exists = true;
    user->row = *row;
    user->row.lang = keep_text(row->lang, user->lang);
    user->row.link = keep_text(row->link, user->link);
}

static void keep_profile(struct table *table, const struct fold_profile *row)
{
    struct profile *profile = &table->profiles[row->id + USERS / 2];
    profile->exists = true;
    profile->row = *row;
    profile->row.username = keep_text(row->username, profile->username);
    profile->row.first_name = keep_text(row->first_name, profile->first_name);
}

static void add_totals(struct fold_totals *sum, const struct fold_totals *change)
{
    sum->chats += change->chats;
    sum->videos += change->videos;
    sum->images += change->images;
    sum->video_users += change->video_users;
    sum->image_users += change->image_users;
    sum->music += change->music;
    sum->music_users += change->music_users;
}

static void load_rows(const struct table *table, struct fold *fold)
{
    const int64_t *ids = NULL;
    size_t count = fold_wanted_users(fold, &ids);
    for (size_t i = 0; i < count; i++) {
        DEMAND(i == 0 || ids[i - 1] < ids[i]);
        if (table->users[ids[i] + USERS / 2].exists)
            fold_load_user(fold, &table->users[ids[i] + USERS / 2].row);
    }
    count = fold_wanted_profiles(fold, &ids);
    for (size_t i = 0; i < count; i++)
        if (table->profiles[ids[i] + USERS / 2].exists)
            fold_load_profile(fold, &table->profiles[ids[i] + USERS / 2].row);
}

static void keep_rows(struct table *table, struct fold *fold)
{
    const struct fold_user *const *users = NULL;
    const struct fold_profile *const *profiles = NULL;
    const struct fold_totals *totals = NULL;
    size_t count = fold_changed_users(fold, &users);
    for (size_t i = 0; i < count; i++)
        keep_user(table, users[i]);
    count = fold_changed_profiles(fold, &profiles);
    for (size_t i = 0; i < count; i++)
        keep_profile(table, profiles[i]);
    count = fold_changed_totals(fold, &totals);
    for (size_t i = 0; i < count; i++)
        add_totals(&table->totals[totals[i].partition][totals[i].chat_class], &totals[i]);
}

static void apply(struct table *table, struct fold *fold, const struct step *steps, size_t count)
{
    fold_reset(fold);
    for (size_t i = 0; i < count; i++)
        fold_want(fold, &steps[i].event, &steps[i].place);
    load_rows(table, fold);
    for (size_t i = 0; i < count; i++)
        fold_apply(fold, &steps[i].event, &steps[i].place);
    keep_rows(table, fold);
}

/* ---- comparing ---- */

static bool is_same_text(struct bytes a, struct bytes b)
{
    return (a.data == NULL) == (b.data == NULL) && bytes_equal(a, b);
}

static bool is_same_mark(const struct fold_mark *a, const struct fold_mark *b)
{
    return a->time_ms == b->time_ms && a->update_id == b->update_id &&
           memcmp(a->event_id, b->event_id, EVENT_ID_LEN) == 0;
}

static void check_user(const struct fold_user *a, const struct fold_user *b)
{
    DEMAND(a->user_id == b->user_id && a->partition == b->partition);
    DEMAND(a->has_registered_at == b->has_registered_at && a->registered_at == b->registered_at);
    DEMAND(is_same_text(a->lang, b->lang) && is_same_text(a->link, b->link));
    DEMAND(a->file_mode == b->file_mode && a->is_stub == b->is_stub);
    DEMAND(a->ad_count == b->ad_count && a->ad_cooldown == b->ad_cooldown);
    DEMAND(a->is_lang_set == b->is_lang_set && a->is_blocked == b->is_blocked);
    DEMAND(a->videos == b->videos && a->images == b->images && a->music == b->music);
    DEMAND(a->is_stub || is_same_mark(&a->first, &b->first));
}

static void check_profile(const struct fold_profile *a, const struct fold_profile *b)
{
    DEMAND(a->id == b->id && a->has_created_at == b->has_created_at);
    DEMAND(a->created_at_ms == b->created_at_ms && a->has_last == b->has_last);
    DEMAND(is_same_text(a->username, b->username) && is_same_text(a->first_name, b->first_name));
    DEMAND(is_same_mark(&a->first, &b->first));
    DEMAND(!a->has_last || is_same_mark(&a->last, &b->last));
}

static void check_same(const struct table *a, const struct table *b)
{
    for (size_t i = 0; i < USERS; i++) {
        DEMAND(a->users[i].exists == b->users[i].exists);
        DEMAND(a->profiles[i].exists == b->profiles[i].exists);
        if (a->users[i].exists)
            check_user(&a->users[i].row, &b->users[i].row);
        if (a->profiles[i].exists)
            check_profile(&a->profiles[i].row, &b->profiles[i].row);
    }
}

static void check_totals(const struct table *table)
{
    struct fold_totals sums[PARTITIONS][FOLD_CHAT_CLASSES] = {0};
    for (size_t i = 0; i < USERS; i++) {
        const struct fold_user *row = &table->users[i].row;
        struct fold_totals share = fold_share(row);
        if (table->users[i].exists)
            add_totals(&sums[row->partition][share.chat_class], &share);
    }
    DEMAND(memcmp(sums, table->totals, sizeof(sums)) == 0);
}

/* ---- another order ---- */

struct dice {
    uint32_t state;
};

static size_t roll(struct dice *dice, size_t below)
{
    dice->state = dice->state * 1664525U + 1013904223U;
    return (dice->state >> 8) % below;
}

/* One user after the other; of each, what is no sighting stays in order. */
static size_t reorder(const struct step *steps, size_t count, struct dice *dice, struct step *out)
{
    size_t put = 0;
    size_t first = roll(dice, USERS);
    for (size_t i = 0; i < USERS; i++)
        for (size_t k = 0; k < count; k++)
            if (steps[k].event.kind != EVENT_USER_SEEN &&
                (size_t)(steps[k].event.subject_id + USERS / 2) == (first + 3 * i) % USERS)
                out[put++] = steps[k];
    for (size_t k = 0; k < count; k++) {
        if (steps[k].event.kind != EVENT_USER_SEEN)
            continue;
        for (size_t copies = 1 + roll(dice, 2); copies > 0; copies--) {
            size_t at = roll(dice, put + 1);
            memmove(out + at + 1, out + at, (put - at) * sizeof(*out));
            out[at] = steps[k];
            put++;
        }
    }
    return put;
}

static void apply_batches(struct table *table, struct fold *fold, const struct step *steps,
                          size_t count, struct dice *dice)
{
    for (size_t from = 0; from < count;) {
        size_t len = 1 + roll(dice, count - from);
        apply(table, fold, steps + from, len);
        from += len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fold *fold;
    static struct step steps[STEPS_MAX];
    static struct step others[2 * STEPS_MAX];
    struct table single = {0};
    struct table other = {0};
    struct dice dice = {size == 0 ? 0 : data[size - 1]};
    size_t count = 0;
    if (fold == NULL)
        fold = fold_new();
    for (; count < STEPS_MAX && (count + 1) * STEP_LEN <= size; count++) {
        steps[count] = make_step(data + count * STEP_LEN);
        dice.state ^= data[count * STEP_LEN + 3];
    }
    for (size_t i = 0; i < count; i++)
        apply(&single, fold, steps + i, 1);
    if (size % 2 == 0)
        apply(&other, fold, steps, count);
    else
        apply_batches(&other, fold, others, reorder(steps, count, &dice, others), &dice);
    check_totals(&single);
    check_totals(&other);
    check_same(&single, &other);
    return 0;
}
