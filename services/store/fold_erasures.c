#include "services/store/fold_erasures.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define CAPACITY_FIRST 16

/* Room for one more. */
static void *make_room(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? CAPACITY_FIRST : *capacity * 2;
    return mem_grow(items, *capacity, size);
}

void fold_ids_add(struct fold_ids *ids, int64_t id)
{
    ids->items = make_room(ids->items, ids->count, &ids->capacity, sizeof(*ids->items));
    ids->items[ids->count++] = id;
}

void fold_aliases_add(struct fold_aliases *aliases, const struct fold_alias *alias)
{
    aliases->items =
        make_room(aliases->items, aliases->count, &aliases->capacity, sizeof(*aliases->items));
    aliases->items[aliases->count++] = *alias;
}

void fold_aliases_rename(struct fold_aliases *aliases, const struct fold_erasure *erasure)
{
    for (size_t i = 0; i < aliases->count; i++) {
        struct fold_alias *alias = &aliases->items[i];
        if (alias->partition != erasure->place.partition)
            continue;
        if (alias->old_id == erasure->user_id)
            alias->old_id = erasure->pseudonym;
        if (alias->new_id == erasure->user_id)
            alias->new_id = erasure->pseudonym;
    }
}

void fold_aliases_reset(struct fold_aliases *aliases)
{
    aliases->count = 0;
}

void fold_aliases_done(struct fold_aliases *aliases)
{
    free(aliases->items);
    *aliases = (struct fold_aliases){0};
}

void fold_erasures_add(struct fold_erasures *erasures, const struct fold_erasure *erasure)
{
    erasures->items =
        make_room(erasures->items, erasures->count, &erasures->capacity, sizeof(*erasures->items));
    erasures->items[erasures->count++] = *erasure;
}

void fold_erasures_reset(struct fold_erasures *erasures)
{
    erasures->count = 0;
    erasures->gone_users.count = 0;
    erasures->gone_profiles.count = 0;
}

void fold_erasures_done(struct fold_erasures *erasures)
{
    free(erasures->items);
    free(erasures->gone_users.items);
    free(erasures->gone_profiles.items);
    *erasures = (struct fold_erasures){0};
}
