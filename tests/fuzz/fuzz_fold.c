/*
 * fuzz_fold: any sequence of events, folded in several ways.
 *
 * Four bytes an event. One by one in the log's order gives the same rows as all at once (an even
 * size), and as batches of any size with the users' events in another order among each other and
 * every sighting anywhere, once or twice; so with the statistics. The totals are a recount of the
 * rows. Erased people go on as pseudonyms; in another order, which they would not survive, erasures
 * are those of another partition, which touch no row.
 */
#include "libs/wire/erasure.h"
#include "services/store/fold.h"

#include "tests/fuzz/fuzz.h"

#define STEP_LEN 4
#define STEPS_MAX 64
#define USERS 8
#define ROWS (USERS + STEPS_MAX) /* a row for each user, then one for each pseudonym */
#define PARTITIONS 3
#define TEXT_MAX 8
#define SETTINGS_MAX 32
#define LEVELS 3
#define BUCKETS 4 /* times end within four hours */
#define LANGS 4
#define LINKS 3

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
    char settings[SETTINGS_MAX];
    bool exists;
};

struct table {
    int64_t pseudonyms[STEPS_MAX]; /* in order of their first row */
    size_t pseudonym_count;
    struct user users[ROWS];
    struct profile profiles[USERS];
    struct fold_totals totals[PARTITIONS][FOLD_CHAT_CLASSES];
    int64_t buckets[LEVELS][BUCKETS][PARTITIONS][FOLD_CHAT_CLASSES][FOLD_COUNTS];
    int64_t langs[PARTITIONS][LANGS];
    int64_t links[LINKS];
    int64_t tops[ROWS]; /* videos; 0: not in the list */
};

/* ---- events ---- */

static struct bytes text_of(unsigned choice)
{
    static const char *const texts[] = {NULL, "", "a", "bc"};
    const char *text = texts[choice % 4];
    return text == NULL ? (struct bytes){NULL, 0} : bytes_of_text(text);
}

static const char *const langs[LANGS] = {"en", "ru", "ar", "vi"};
static const char *const links[LINKS] = {"a", "bc", ""}; /* the last one: of those who are erased */

static struct bytes lang_of(unsigned choice)
{
    return bytes_of_text(langs[choice % LANGS]);
}

static struct bytes patch_of(unsigned choice)
{
    static const char *const patches[] = {"{\"a\":1}", "{\"a\":null}", "{\"b\":{\"c\":2}}",
                                          "{\"b\":{\"c\":null}}"};
    return bytes_of_text(patches[choice % 4]);
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
    if (event->kind == EVENT_USER_SETTINGS_PATCHED)
        event->merge_patch = patch_of(content);
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
    if (step.event.kind == EVENT_USER_ERASED && step.event.subject_id == 0)
        step.event.kind = EVENT_USER_BLOCKED; /* the decoder knows no erasure of nobody */
    step.event.update_id = bytes[0] >> 4;
    step.event.occurred_at_ms = INT64_C(50000) * bytes[2];
    memcpy(step.event.id, bytes, STEP_LEN);
    step.place.partition = (int32_t)(user % PARTITIONS);
    step.place.record_ms = INT64_C(300000) * (bytes[1] / USERS);
    fill_payload(&step.event, bytes[3]);
    return step;
}

/* ---- the rows in the database ---- */

static struct bytes keep_bytes(struct bytes text, char *out, size_t room)
{
    DEMAND(text.len < room);
    if (text.data == NULL)
        return text;
    memcpy(out, text.data, text.len);
    return (struct bytes){out, text.len};
}

static struct bytes keep_text(struct bytes text, char out[TEXT_MAX])
{
    return keep_bytes(text, out, TEXT_MAX);
}

/* Where a user stands in a table; a new place for a pseudonym that is not there. */
static size_t row_of(struct table *table, int64_t user_id)
{
    size_t i = 0;
    if (!erasure_is_pseudonym(user_id))
        return (size_t)(user_id + USERS / 2);
    while (i < table->pseudonym_count && table->pseudonyms[i] != user_id)
        i++;
    DEMAND(i < STEPS_MAX);
    table->pseudonym_count += i == table->pseudonym_count ? 1 : 0;
    table->pseudonyms[i] = user_id;
    return USERS + i;
}

static void keep_user(struct table *table, const struct fold_user *row)
{
    struct user *user = &table->users[row_of(table, row->user_id)];
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
    profile->row.settings = keep_bytes(row->settings, profile->settings, SETTINGS_MAX);
}

static void add_counts(int64_t sums[FOLD_COUNTS], const int64_t changes[FOLD_COUNTS])
{
    for (int i = 0; i < FOLD_COUNTS; i++)
        sums[i] += changes[i];
}

static size_t find_text(const char *const *texts, size_t count, struct bytes text)
{
    size_t i = 0;
    while (i < count && !bytes_equal(bytes_of_text(texts[i]), text))
        i++;
    DEMAND(i < count);
    return i;
}

static void load_tops(struct table *table, struct fold *fold)
{
    const int32_t *partitions = NULL;
    size_t count = fold_wanted_tops(fold, &partitions);
    for (size_t i = 0; i < count; i++)
        for (size_t user = 0; user < ROWS; user++)
            if (table->tops[user] > 0 && table->users[user].row.partition == partitions[i])
                fold_load_top(fold,
                              &(struct fold_top){partitions[i], table->users[user].row.user_id,
                                                 table->tops[user]});
}

static void keep_sums(struct table *table, struct fold *fold)
{
    const struct fold_totals *totals = NULL;
    size_t count = fold_changed_totals(fold, &totals);
    for (size_t i = 0; i < count; i++) {
        struct fold_totals *sum = &table->totals[totals[i].partition][totals[i].chat_class];
        add_counts(sum->counts, totals[i].counts);
        sum->file_modes += totals[i].file_modes;
    }
    const struct fold_bucket *buckets = NULL;
    count = fold_changed_buckets(fold, &buckets);
    for (size_t i = 0; i < count; i++) {
        const struct fold_bucket *bucket = &buckets[i];
        DEMAND(bucket->level >= 1 && bucket->level <= LEVELS && bucket->bucket < BUCKETS);
        add_counts(table->buckets[bucket->level - 1][bucket->bucket][bucket->partition]
                                 [bucket->chat_class],
                   bucket->counts);
    }
}

static void keep_statistics(struct table *table, struct fold *fold)
{
    const struct fold_text_count *texts = NULL;
    size_t count = fold_changed_langs(fold, &texts);
    for (size_t i = 0; i < count; i++)
        table->langs[texts[i].partition][find_text(langs, LANGS, texts[i].text)] += texts[i].chats;
    count = fold_changed_links(fold, &texts);
    for (size_t i = 0; i < count; i++)
        table->links[find_text(links, LINKS, texts[i].text)] += texts[i].chats;
    const struct fold_top *tops = NULL;
    count = fold_changed_tops(fold, &tops);
    for (size_t i = 0; i < count; i++)
        table->tops[row_of(table, tops[i].user_id)] = tops[i].videos;
}

static void load_rows(struct table *table, struct fold *fold)
{
    const int64_t *ids = NULL;
    size_t count = fold_wanted_users(fold, &ids);
    for (size_t i = 0; i < count; i++) {
        DEMAND(i == 0 || ids[i - 1] < ids[i]);
        if (table->users[row_of(table, ids[i])].exists)
            fold_load_user(fold, &table->users[row_of(table, ids[i])].row);
    }
    count = fold_wanted_profiles(fold, &ids);
    for (size_t i = 0; i < count; i++)
        if (table->profiles[ids[i] + USERS / 2].exists)
            fold_load_profile(fold, &table->profiles[ids[i] + USERS / 2].row);
    load_tops(table, fold);
}

static void drop_rows(struct table *table, struct fold *fold)
{
    const int64_t *ids = NULL;
    size_t count = fold_gone_users(fold, &ids);
    for (size_t i = 0; i < count; i++)
        table->users[row_of(table, ids[i])].exists = false;
    count = fold_gone_profiles(fold, &ids);
    for (size_t i = 0; i < count; i++)
        table->profiles[ids[i] + USERS / 2].exists = false;
}

static void keep_rows(struct table *table, struct fold *fold)
{
    drop_rows(table, fold);
    const struct fold_user *const *users = NULL;
    const struct fold_profile *const *profiles = NULL;
    size_t count = fold_changed_users(fold, &users);
    for (size_t i = 0; i < count; i++)
        keep_user(table, users[i]);
    count = fold_changed_profiles(fold, &profiles);
    for (size_t i = 0; i < count; i++)
        keep_profile(table, profiles[i]);
    keep_sums(table, fold);
    keep_statistics(table, fold);
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
    DEMAND(a->is_mode_set == b->is_mode_set);
    DEMAND(memcmp(&a->videos, &b->videos, sizeof(a->videos)) == 0);
    DEMAND(memcmp(&a->images, &b->images, sizeof(a->images)) == 0);
    DEMAND(memcmp(&a->music, &b->music, sizeof(a->music)) == 0);
    DEMAND(a->is_stub || is_same_mark(&a->first, &b->first));
}

static void check_profile(const struct fold_profile *a, const struct fold_profile *b)
{
    DEMAND(a->id == b->id && a->has_created_at == b->has_created_at);
    DEMAND(a->created_at_ms == b->created_at_ms && a->has_last == b->has_last);
    DEMAND(is_same_text(a->username, b->username) && is_same_text(a->first_name, b->first_name));
    DEMAND(is_same_text(a->settings, b->settings) && a->has_first == b->has_first);
    DEMAND(!a->has_first || is_same_mark(&a->first, &b->first));
    DEMAND(!a->has_last || is_same_mark(&a->last, &b->last));
}

/* A pseudonym's row, which may stand in another place; NULL: there is none. */
static const struct user *user_of(const struct table *table, int64_t pseudonym)
{
    for (size_t i = 0; i < table->pseudonym_count; i++)
        if (table->pseudonyms[i] == pseudonym)
            return &table->users[USERS + i];
    return NULL;
}

static void check_same(const struct table *a, const struct table *b)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct user *user = i < USERS ? &b->users[i] : user_of(b, a->users[i].row.user_id);
        DEMAND(a->users[i].exists == (user != NULL && user->exists));
        DEMAND(a->users[i].exists || a->tops[i] == 0);
        if (!a->users[i].exists)
            continue;
        check_user(&a->users[i].row, &user->row);
        DEMAND(a->tops[i] == b->tops[user - b->users]);
    }
    for (size_t i = 0; i < USERS; i++) {
        DEMAND(a->profiles[i].exists == b->profiles[i].exists);
        if (a->profiles[i].exists)
            check_profile(&a->profiles[i].row, &b->profiles[i].row);
    }
    DEMAND(memcmp(a->totals, b->totals, sizeof(a->totals)) == 0);
    DEMAND(memcmp(a->buckets, b->buckets, sizeof(a->buckets)) == 0);
    DEMAND(memcmp(a->langs, b->langs, sizeof(a->langs)) == 0);
    DEMAND(memcmp(a->links, b->links, sizeof(a->links)) == 0);
}

static void add_share(struct fold_totals *sum, const struct fold_user *row)
{
    sum->counts[FOLD_CHATS] += row->is_stub ? 0 : 1;
    sum->counts[FOLD_VIDEOS] += row->videos.count;
    sum->counts[FOLD_IMAGES] += row->images.count;
    sum->counts[FOLD_MUSIC] += row->music.count;
    sum->counts[FOLD_VIDEO_USERS] += row->videos.count > 0 ? 1 : 0;
    sum->counts[FOLD_IMAGE_USERS] += row->images.count > 0 ? 1 : 0;
    sum->counts[FOLD_MUSIC_USERS] += row->music.count > 0 ? 1 : 0;
    sum->file_modes += !row->is_stub && row->file_mode ? 1 : 0;
}

static void check_totals(const struct table *table)
{
    struct fold_totals sums[PARTITIONS][FOLD_CHAT_CLASSES] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        const struct fold_user *row = &table->users[i].row;
        int chat_class = row->user_id == 0 ? 0 : row->user_id > 0 ? 1 : 2;
        if (table->users[i].exists)
            add_share(&sums[row->partition][chat_class], row);
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
        steps[count].place.offset = (int64_t)count;
        if (steps[count].event.kind == EVENT_USER_ERASED) { /* never the same one twice */
            steps[count].event.id[STEP_LEN] = (uint8_t)count;
            steps[count].place.is_foreign = size % 2 != 0;
        }
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
