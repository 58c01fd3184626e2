#include "tests/support/fake_projection_store.h"

#include "libs/base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool fake_open(void *self, struct err *err)
{
    struct fake_projection_store *fake = self;
    fake->opens++;
    if (fake->unwell_opens > 0) {
        fake->unwell_opens--;
        return err_set(err, ERR_RETRY, "the fake database is down");
    }
    return true;
}

static void forget_open(struct fake_projection_store *fake)
{
    free(fake->committed);
    fake->committed = NULL;
}

static void roll_back(struct fake_projection_store *fake)
{
    if (fake->committed != NULL)
        memcpy(fake, fake->committed, offsetof(struct fake_projection_store, texts));
    forget_open(fake);
}

static void keep_committed(struct fake_projection_store *fake)
{
    size_t size = offsetof(struct fake_projection_store, texts);
    if (fake->committed != NULL)
        return;
    fake->committed = mem_alloc(size);
    memcpy(fake->committed, fake, size);
}

static bool fake_is_bulk(void *self)
{
    struct fake_projection_store *fake = self;
    return fake->is_bulk;
}

static void fake_close(void *self)
{
    struct fake_projection_store *fake = self;
    roll_back(fake);
    fake->closes++;
}

static bool fake_load_fences(void *self, const struct fence_query *query, struct fence *out,
                             struct err *err)
{
    struct fake_projection_store *fake = self;
    (void)err;
    for (size_t i = 0; i < query->count; i++) {
        int32_t partition = query->partitions[i];
        struct fence *fence = &fake->fences[partition];
        if (!fake->has_fence[partition]) {
            fake->has_fence[partition] = true;
            fence->partition = partition;
            fence->limit_offset = FENCE_NO_LIMIT;
            (void)strncpy(fence->cluster_id, query->cluster_id, CLUSTER_ID_MAX - 1);
        }
        fence->owner_epoch++;
        out[i] = *fence;
    }
    tombstones_reset(query->tombstones);
    for (size_t i = 0; i < fake->tombstone_count; i++)
        tombstones_put(query->tombstones, &fake->tombstones[i]);
    return true;
}

static bool has_id(const struct fake_projection_store *fake, const uint8_t *id)
{
    for (size_t i = 0; i < fake->id_count; i++)
        if (memcmp(fake->ids[i], id, EVENT_ID_LEN) == 0)
            return true;
    return false;
}

static bool needs_id(const struct batch_event *event)
{
    return event->fate == BATCH_APPLY && event->event.kind != EVENT_USER_SEEN;
}

/* The first scripted or real reason not to commit. */
static enum apply_result refuse(struct fake_projection_store *fake, const struct batch *batch)
{
    if (fake->unwell_applies > 0) {
        fake->unwell_applies--;
        return APPLY_UNWELL;
    }
    for (size_t i = 0; i < batch->fence_count; i++) {
        const struct fence *now = &fake->fences[batch->fences[i].before.partition];
        if (now->next_offset != batch->fences[i].before.next_offset ||
            now->owner_epoch != batch->fences[i].before.owner_epoch)
            return APPLY_FENCE_MOVED;
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct batch_event *event = &batch->events[i];
        if (event->fate != BATCH_APPLY)
            continue;
        if (fake->bad_user != 0 && event->event.subject_id == fake->bad_user)
            return APPLY_BAD_ROW;
        if (fake->bug_user != 0 && event->event.subject_id == fake->bug_user)
            return APPLY_BUG;
        if (needs_id(event) && !batch->expect_duplicates && has_id(fake, event->event.id))
            return APPLY_DUPLICATE;
    }
    return APPLY_COMMITTED;
}

static void keep_user(struct fake_projection_store *fake, const struct fold_user *row)
{
    size_t i = 0;
    while (i < fake->user_count && fake->users[i].user_id != row->user_id)
        i++;
    fake->user_count += i == fake->user_count ? 1 : 0;
    fake->users[i] = *row;
    fake->users[i].lang = arena_keep(&fake->texts, row->lang);
    fake->users[i].link = arena_keep(&fake->texts, row->link);
}

static void keep_profile(struct fake_projection_store *fake, const struct fold_profile *row)
{
    size_t i = 0;
    while (i < fake->profile_count && fake->profiles[i].id != row->id)
        i++;
    fake->profile_count += i == fake->profile_count ? 1 : 0;
    fake->profiles[i] = *row;
    fake->profiles[i].username = arena_keep(&fake->texts, row->username);
    fake->profiles[i].first_name = arena_keep(&fake->texts, row->first_name);
    fake->profiles[i].settings = arena_keep(&fake->texts, row->settings);
}

static void add_totals(struct fake_projection_store *fake, const struct fold_totals *row)
{
    size_t i = 0;
    while (i < fake->total_count && (fake->totals[i].partition != row->partition ||
                                     fake->totals[i].chat_class != row->chat_class))
        i++;
    struct fold_totals *sum = &fake->totals[i];
    if (i == fake->total_count) {
        fake->total_count++;
        *sum = *row;
        return;
    }
    for (int what = 0; what < FOLD_COUNTS; what++)
        sum->counts[what] += row->counts[what];
    sum->file_modes += row->file_modes;
}

static bool is_same_bucket(const struct fold_bucket *a, const struct fold_bucket *b)
{
    return a->level == b->level && a->bucket == b->bucket && a->partition == b->partition &&
           a->chat_class == b->chat_class;
}

static bool is_empty_bucket(const struct fold_bucket *bucket)
{
    static const int64_t zeros[FOLD_COUNTS];
    return memcmp(bucket->counts, zeros, sizeof(zeros)) == 0;
}

static void add_bucket(struct fake_projection_store *fake, const struct fold_bucket *row)
{
    size_t i = 0;
    while (i < fake->bucket_count && !is_same_bucket(&fake->buckets[i], row))
        i++;
    if (i == fake->bucket_count) {
        fake->buckets[fake->bucket_count++] = *row;
        return;
    }
    for (int what = 0; what < FOLD_COUNTS; what++)
        fake->buckets[i].counts[what] += row->counts[what];
    if (is_empty_bucket(&fake->buckets[i]))
        fake->buckets[i] = fake->buckets[--fake->bucket_count];
}

static void add_text(struct fake_projection_store *fake, struct fake_texts *texts,
                     const struct fold_text_count *row)
{
    size_t i = 0;
    while (i < texts->count && (texts->rows[i].partition != row->partition ||
                                !bytes_equal(texts->rows[i].text, row->text)))
        i++;
    if (i == texts->count) {
        texts->rows[texts->count++] = *row;
        texts->rows[i].text = arena_keep(&fake->texts, row->text);
        return;
    }
    texts->rows[i].chats += row->chats;
    if (texts->rows[i].chats == 0)
        texts->rows[i] = texts->rows[--texts->count];
}

static void put_top(struct fake_projection_store *fake, const struct fold_top *row)
{
    size_t i = 0;
    while (i < fake->top_count &&
           (fake->tops[i].partition != row->partition || fake->tops[i].user_id != row->user_id))
        i++;
    if (row->videos == 0) {
        fake->tops[i] = fake->tops[--fake->top_count];
        return;
    }
    fake->top_count += i == fake->top_count ? 1 : 0;
    fake->tops[i] = *row;
}

static void load_tops(struct fake_projection_store *fake, struct fold *fold)
{
    const int32_t *partitions = NULL;
    size_t count = fold_wanted_tops(fold, &partitions);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < fake->top_count; k++)
            if (fake->tops[k].partition == partitions[i])
                fold_load_top(fold, &fake->tops[k]);
}

static void load_rows(struct fake_projection_store *fake, struct fold *fold)
{
    const int64_t *ids = NULL;
    size_t count = fold_wanted_users(fold, &ids);
    for (size_t i = 0; i < count; i++)
        if (fake_user(fake, ids[i]) != NULL)
            fold_load_user(fold, fake_user(fake, ids[i]));
    count = fold_wanted_profiles(fold, &ids);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < fake->profile_count; k++)
            if (fake->profiles[k].id == ids[i])
                fold_load_profile(fold, &fake->profiles[k]);
    load_tops(fake, fold);
}

static void store_statistics(struct fake_projection_store *fake, struct fold *fold)
{
    const struct fold_totals *totals = NULL;
    size_t count = fold_changed_totals(fold, &totals);
    for (size_t i = 0; i < count; i++)
        add_totals(fake, &totals[i]);
    const struct fold_bucket *buckets = NULL;
    count = fold_changed_buckets(fold, &buckets);
    for (size_t i = 0; i < count; i++)
        add_bucket(fake, &buckets[i]);
    const struct fold_text_count *texts = NULL;
    count = fold_changed_langs(fold, &texts);
    for (size_t i = 0; i < count; i++)
        add_text(fake, &fake->langs, &texts[i]);
    count = fold_changed_links(fold, &texts);
    for (size_t i = 0; i < count; i++)
        add_text(fake, &fake->links, &texts[i]);
    const struct fold_top *tops = NULL;
    count = fold_changed_tops(fold, &tops);
    for (size_t i = 0; i < count; i++)
        put_top(fake, &tops[i]);
}

static void drop_gone(struct fake_projection_store *fake, struct fold *fold)
{
    const int64_t *ids = NULL;
    size_t count = fold_gone_users(fold, &ids);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < fake->user_count; k++)
            if (fake->users[k].user_id == ids[i])
                fake->users[k--] = fake->users[--fake->user_count];
    count = fold_gone_profiles(fold, &ids);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < fake->profile_count; k++)
            if (fake->profiles[k].id == ids[i])
                fake->profiles[k--] = fake->profiles[--fake->profile_count];
}

static void put_alias(struct fake_projection_store *fake, const struct fold_alias *row)
{
    size_t i = 0;
    while (i < fake->alias_count &&
           (fake->aliases[i].partition != row->partition ||
            fake->aliases[i].old_id != row->old_id || fake->aliases[i].new_id != row->new_id))
        i++;
    fake->aliases[i] = *row;
    fake->alias_count += i == fake->alias_count ? 1 : 0;
}

/* What the real store does in the tables of aliases, before the batch's own are added. */
static void rename_aliases(struct fake_projection_store *fake, const struct fold_erasure *erasure)
{
    for (size_t i = 0; i < fake->alias_count; i++) {
        struct fold_alias *alias = &fake->aliases[i];
        if (alias->partition != erasure->place.partition)
            continue;
        alias->old_id = alias->old_id == erasure->user_id ? erasure->pseudonym : alias->old_id;
        alias->new_id = alias->new_id == erasure->user_id ? erasure->pseudonym : alias->new_id;
    }
}

static void erase(struct fake_projection_store *fake, struct fold *fold)
{
    const struct fold_erasure *erasures = NULL;
    size_t count = fold_erasures(fold, &erasures);
    for (size_t i = 0; i < count; i++) {
        rename_aliases(fake, &erasures[i]);
        fake->erasures[fake->erasure_count++] = erasures[i];
    }
    drop_gone(fake, fold);
    const struct fold_alias *aliases = NULL;
    count = fold_new_aliases(fold, &aliases);
    for (size_t i = 0; i < count; i++)
        put_alias(fake, &aliases[i]);
}

static void store_rows(struct fake_projection_store *fake, struct fold *fold)
{
    const struct fold_user *const *users = NULL;
    erase(fake, fold);
    size_t count = fold_changed_users(fold, &users);
    for (size_t i = 0; i < count; i++)
        keep_user(fake, users[i]);
    const struct fold_profile *const *profiles = NULL;
    count = fold_changed_profiles(fold, &profiles);
    for (size_t i = 0; i < count; i++)
        keep_profile(fake, profiles[i]);
    store_statistics(fake, fold);
}

static void store_events(struct fake_projection_store *fake, struct batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++) {
        struct batch_event *event = &batch->events[i];
        event->is_fresh = event->fate == BATCH_APPLY;
        if (event->fate == BATCH_ASIDE)
            fake->letters[fake->letter_count++] =
                (struct fake_letter){.place = event->record.place,
                                     .cause = event->cause,
                                     .is_withheld = event->is_withheld};
        if (event->event.kind == EVENT_USER_ERASED && event->fate != BATCH_ASIDE)
            fake->tombstones[fake->tombstone_count++] =
                tombstone_of(&event->event, &event->record.place);
        if (!needs_id(event))
            continue;
        event->is_fresh = !has_id(fake, event->event.id);
        if (event->is_fresh)
            memcpy(fake->ids[fake->id_count++], event->event.id, EVENT_ID_LEN);
    }
}

static void write(struct fake_projection_store *fake, struct batch *batch, struct fold *fold)
{
    if (fake->committed == NULL)
        fold_reset(fold);
    store_events(fake, batch);
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].is_fresh)
            fold_want(fold, &batch->events[i].event, &batch->events[i].record.place);
    load_rows(fake, fold);
    fold_loaded(fold);
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].is_fresh)
            fold_apply(fold, &batch->events[i].event, &batch->events[i].record.place);
    for (size_t i = 0; i < batch->fence_count; i++) {
        struct fence *fence = &fake->fences[batch->fences[i].before.partition];
        fence->next_offset = batch->fences[i].next_offset;
        fence->last_record_ms = batch->fences[i].last_record_ms;
        memcpy(fence->last_hash, batch->fences[i].last_hash, FINGERPRINT_LEN);
    }
    if (batch->event_count > fake->largest_batch)
        fake->largest_batch = batch->event_count;
}

static bool stays_open(const struct fake_projection_store *fake, const struct batch *batch)
{
    bool stays = fake->is_bulk && batch->is_more_to_come;
    for (size_t i = 0; stays && i < batch->event_count; i++)
        stays = batch->events[i].event.kind != EVENT_USER_ERASED;
    return stays;
}

static enum apply_result write_open(struct fake_projection_store *fake, struct batch *batch,
                                    struct fold *fold)
{
    if (fake->committed == NULL)
        fold_reset(fold);
    keep_committed(fake);
    write(fake, batch, fold);
    fake->lefts++;
    return APPLY_OPEN;
}

static enum apply_result commit(struct fake_projection_store *fake, struct batch *batch,
                                struct fold *fold)
{
    if (fake->committed != NULL && fake->undone_commits > 0) {
        fake->undone_commits--;
        roll_back(fake);
        fold_reset(fold);
        return APPLY_UNDONE;
    }
    write(fake, batch, fold);
    store_rows(fake, fold);
    fold_reset(fold);
    forget_open(fake);
    fake->commits++;
    return APPLY_COMMITTED;
}

static enum apply_result fake_apply(void *self, struct batch *batch, struct fold *fold,
                                    struct err *err)
{
    struct fake_projection_store *fake = self;
    fake->applies++;
    if (fake->before_apply != NULL)
        fake->before_apply(fake->before_apply_arg);
    enum apply_result result = refuse(fake, batch);
    if (result == APPLY_COMMITTED && stays_open(fake, batch))
        return write_open(fake, batch, fold);
    if (result == APPLY_COMMITTED)
        result = commit(fake, batch, fold);
    if (result != APPLY_COMMITTED) {
        (void)err_set(err, ERR_RETRY, "the fake database refused");
        return result;
    }
    if (fake->in_doubt_applies > 0) {
        fake->in_doubt_applies--;
        (void)err_set(err, ERR_RETRY, "the connection broke during commit");
        return APPLY_UNWELL;
    }
    return APPLY_COMMITTED;
}

/* Its letters lie in time by their records. */
static bool fake_tend_letters(void *self, int64_t expire_before_ms, struct letter_census *out,
                              struct err *err)
{
    struct fake_projection_store *fake = self;
    fake->tends++;
    if (fake->unwell_tends > 0) {
        fake->unwell_tends--;
        return err_set(err, ERR_RETRY, "the fake database is down");
    }
    *out = (struct letter_census){.count = 1, .counts[0].cause = "malformed", .oldest_ms = -1};
    for (size_t i = 0; i < fake->letter_count; i++) {
        int64_t record_ms = fake->letters[i].place.record_ms;
        out->counts[0].open++;
        out->expired += record_ms < expire_before_ms && !fake->letters[i].is_expired ? 1 : 0;
        fake->letters[i].is_expired = fake->letters[i].is_expired || record_ms < expire_before_ms;
        if (out->oldest_ms < 0 || record_ms < out->oldest_ms)
            out->oldest_ms = record_ms;
    }
    return true;
}

static bool fake_erase_past(void *self, int64_t *out, struct err *err)
{
    struct fake_projection_store *fake = self;
    if (fake->unwell_erases > 0) {
        fake->unwell_erases--;
        return err_set(err, ERR_RETRY, "the fake database is down");
    }
    fake->past_erases++;
    *out = 0;
    return true;
}

static bool fake_look_at_rebuild(void *self, struct rebuild_census *out, struct err *err)
{
    struct fake_projection_store *fake = self;
    if (fake->unwell_looks > 0) {
        fake->unwell_looks--;
        return err_set(err, ERR_RETRY, "the fake database is down");
    }
    *out = fake->rebuild;
    return true;
}

void fake_projection_store_init(struct fake_projection_store *fake)
{
    *fake = (struct fake_projection_store){0};
}

struct projection_store fake_projection_store_port(struct fake_projection_store *fake)
{
    return (struct projection_store){.open = fake_open,
                                     .load_fences = fake_load_fences,
                                     .is_bulk = fake_is_bulk,
                                     .apply = fake_apply,
                                     .tend_letters = fake_tend_letters,
                                     .erase_past = fake_erase_past,
                                     .look_at_rebuild = fake_look_at_rebuild,
                                     .close = fake_close,
                                     .self = fake};
}

void fake_projection_store_done(struct fake_projection_store *fake)
{
    forget_open(fake);
    arena_done(&fake->texts);
}

const struct fold_user *fake_user(const struct fake_projection_store *fake, int64_t user_id)
{
    for (size_t i = 0; i < fake->user_count; i++)
        if (fake->users[i].user_id == user_id)
            return &fake->users[i];
    return NULL;
}
