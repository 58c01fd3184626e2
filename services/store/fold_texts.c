#include "services/store/fold_texts.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

void fold_texts_add(struct fold_texts *texts, int32_t partition, struct bytes text, int64_t by)
{
    if (texts->count == texts->capacity) {
        texts->capacity = texts->capacity == 0 ? CAPACITY_FIRST : texts->capacity * 2;
        texts->items = mem_grow(texts->items, texts->capacity, sizeof(*texts->items));
    }
    texts->items[texts->count++] =
        (struct fold_text_count){.partition = partition, .text = text, .chats = by};
}

static int compare(const void *left, const void *right)
{
    const struct fold_text_count *a = left;
    const struct fold_text_count *b = right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    size_t shorter = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = shorter == 0 ? 0 : memcmp(a->text.data, b->text.data, shorter);
    return order != 0 ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

size_t fold_texts_sum(struct fold_texts *texts, const struct fold_text_count **out)
{
    if (texts->count > 0)
        qsort(texts->items, texts->count, sizeof(*texts->items), compare);
    size_t kept = 0;
    for (size_t i = 0; i < texts->count;) {
        struct fold_text_count sum = texts->items[i++];
        for (; i < texts->count && compare(&sum, &texts->items[i]) == 0; i++)
            sum.chats += texts->items[i].chats;
        if (sum.chats != 0)
            texts->items[kept++] = sum;
    }
    texts->count = kept;
    *out = texts->items;
    return kept;
}

void fold_texts_reset(struct fold_texts *texts)
{
    texts->count = 0;
}

void fold_texts_done(struct fold_texts *texts)
{
    free(texts->items);
    *texts = (struct fold_texts){0};
}
