#include "services/store/fold_top.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/wire/erasure.h"

#include <assert.h>
#include <stdlib.h>

static struct fold_top_list *find_list(struct fold_tops *tops, int32_t partition)
{
    for (size_t i = 0; i < tops->count; i++)
        if (tops->partitions[i] == partition)
            return &tops->lists[i];
    return NULL;
}

void fold_tops_want(struct fold_tops *tops, int32_t partition)
{
    if (find_list(tops, partition) != NULL)
        return;
    if (tops->count == tops->capacity) {
        tops->capacity = tops->capacity == 0 ? 16 : tops->capacity * 2;
        tops->lists = mem_grow(tops->lists, tops->capacity, sizeof(*tops->lists));
        tops->partitions = mem_grow(tops->partitions, tops->capacity, sizeof(*tops->partitions));
        tops->changed =
            mem_grow(tops->changed, tops->capacity * 2 * FOLD_TOP_USERS, sizeof(*tops->changed));
    }
    tops->partitions[tops->count] = partition;
    tops->lists[tops->count++] = (struct fold_top_list){.partition = partition};
}

static bool is_better(const struct fold_top *a, const struct fold_top *b)
{
    bool is_pseudonym = erasure_is_pseudonym(a->user_id);
    if (a->videos != b->videos)
        return a->videos > b->videos;
    if (is_pseudonym != erasure_is_pseudonym(b->user_id))
        return is_pseudonym;
    return a->user_id < b->user_id;
}

static size_t find_user(const struct fold_top *users, size_t count, int64_t user_id)
{
    size_t i = 0;
    while (i < count && users[i].user_id != user_id)
        i++;
    return i;
}

static void put(struct fold_top_list *list, const struct fold_top *user)
{
    size_t place = find_user(list->users, list->count, user->user_id);
    if (place == list->count)
        list->count++;
    for (; place > 0 && is_better(user, &list->users[place - 1]); place--)
        list->users[place] = list->users[place - 1];
    list->users[place] = *user;
    if (list->count > FOLD_TOP_USERS)
        list->count = FOLD_TOP_USERS;
}

void fold_tops_load(struct fold_tops *tops, const struct fold_top *user)
{
    struct fold_top_list *list = find_list(tops, user->partition);
    assert(list != NULL && list->loaded_count < FOLD_TOP_USERS);
    list->loaded[list->loaded_count++] = *user;
    put(list, user);
}

void fold_tops_offer(struct fold_tops *tops, const struct fold_top *user)
{
    struct fold_top_list *list = find_list(tops, user->partition);
    bool is_full = list != NULL && list->count == FOLD_TOP_USERS;
    if (list == NULL || (is_full && is_better(&list->users[FOLD_TOP_USERS - 1], user)))
        return;
    bool is_tie = is_full && list->users[FOLD_TOP_USERS - 1].videos == user->videos;
    if (is_tie && fault_planted("store.tie_enters_no_top"))
        return;
    put(list, user);
}

void fold_tops_remove(struct fold_tops *tops, int32_t partition, int64_t user_id)
{
    struct fold_top_list *list = find_list(tops, partition);
    assert(list != NULL);
    size_t place = find_user(list->users, list->count, user_id);
    if (place == list->count)
        return;
    list->count--;
    memmove(&list->users[place], &list->users[place + 1],
            (list->count - place) * sizeof(*list->users));
}

static size_t add_changed(const struct fold_top_list *list, struct fold_top *out)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t before = find_user(list->loaded, list->loaded_count, list->users[i].user_id);
        if (before == list->loaded_count || list->loaded[before].videos != list->users[i].videos)
            out[count++] = list->users[i];
    }
    for (size_t i = 0; i < list->loaded_count; i++) {
        if (find_user(list->users, list->count, list->loaded[i].user_id) < list->count)
            continue;
        out[count] = list->loaded[i];
        out[count++].videos = 0;
    }
    return count;
}

size_t fold_tops_changed(struct fold_tops *tops, const struct fold_top **out)
{
    size_t count = 0;
    for (size_t i = 0; i < tops->count; i++)
        count += add_changed(&tops->lists[i], tops->changed + count);
    *out = tops->changed;
    return count;
}

void fold_tops_reset(struct fold_tops *tops)
{
    tops->count = 0;
    tops->loaded_count = 0;
}

void fold_tops_done(struct fold_tops *tops)
{
    free(tops->lists);
    free(tops->partitions);
    free(tops->changed);
    *tops = (struct fold_tops){0};
}
