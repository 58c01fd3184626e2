#include "services/store/fold_totals.h"

#include "libs/base/mem.h"

#include <stdlib.h>

static int16_t class_of(int64_t user_id)
{
    if (user_id == 0)
        return 0;
    return user_id > 0 ? 1 : 2;
}

struct fold_totals fold_share(const struct fold_user *row)
{
    return (struct fold_totals){
        .partition = row->partition,
        .chat_class = class_of(row->user_id),
        .chats = row->is_stub ? 0 : 1,
        .videos = row->videos,
        .images = row->images,
        .video_users = row->videos > 0 ? 1 : 0,
        .image_users = row->images > 0 ? 1 : 0,
        .music = row->music,
        .music_users = row->music > 0 ? 1 : 0,
    };
}

static struct fold_totals *cell_of(struct fold_sums *sums, const struct fold_totals *share)
{
    size_t cell = (size_t)share->partition * FOLD_CHAT_CLASSES + (size_t)share->chat_class;
    if (cell >= sums->capacity) {
        size_t capacity = ((size_t)share->partition + 1) * FOLD_CHAT_CLASSES;
        sums->cells = mem_grow(sums->cells, capacity, sizeof(*sums->cells));
        sums->changed = mem_grow(sums->changed, capacity, sizeof(*sums->changed));
        memset(sums->cells + sums->capacity, 0, (capacity - sums->capacity) * sizeof(*sums->cells));
        sums->capacity = capacity;
    }
    sums->cells[cell].partition = share->partition;
    sums->cells[cell].chat_class = share->chat_class;
    return &sums->cells[cell];
}

void fold_sums_add(struct fold_sums *sums, const struct fold_totals *before,
                   const struct fold_totals *after)
{
    struct fold_totals *cell = cell_of(sums, after);
    cell->chats += after->chats - before->chats;
    cell->videos += after->videos - before->videos;
    cell->images += after->images - before->images;
    cell->video_users += after->video_users - before->video_users;
    cell->image_users += after->image_users - before->image_users;
    cell->music += after->music - before->music;
    cell->music_users += after->music_users - before->music_users;
}

static bool is_zero(const struct fold_totals *cell)
{
    return cell->chats == 0 && cell->videos == 0 && cell->images == 0 && cell->video_users == 0 &&
           cell->image_users == 0 && cell->music == 0 && cell->music_users == 0;
}

size_t fold_sums_changed(struct fold_sums *sums, const struct fold_totals **out)
{
    size_t count = 0;
    for (size_t i = 0; i < sums->capacity; i++)
        if (!is_zero(&sums->cells[i]))
            sums->changed[count++] = sums->cells[i];
    *out = sums->changed;
    return count;
}

void fold_sums_reset(struct fold_sums *sums)
{
    if (sums->capacity > 0)
        memset(sums->cells, 0, sums->capacity * sizeof(*sums->cells));
}

void fold_sums_done(struct fold_sums *sums)
{
    free(sums->cells);
    free(sums->changed);
    *sums = (struct fold_sums){0};
}
