#include "services/store/postgres/facts.h"

#include "libs/base/mem.h"
#include "services/store/postgres/network.h"

#include <stdlib.h>

static struct fact_key key_of(const char *id, uint32_t index)
{
    return (struct fact_key){(uint64_t)network_get64(id), (uint64_t)network_get64(id + 8), index};
}

static int compare_keys(const void *left, const void *right)
{
    const struct fact_key *a = left;
    const struct fact_key *b = right;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

static void make_room(struct facts *facts, size_t count)
{
    if (count <= facts->capacity)
        return;
    facts->capacity = count;
    for (int fact = 0; fact < LAYOUT_FACTS; fact++)
        facts->keys[fact] = mem_grow(facts->keys[fact], count, sizeof(*facts->keys[fact]));
}

void facts_sort(struct facts *facts, const struct batch *batch)
{
    make_room(facts, batch->event_count);
    memset(facts->counts, 0, sizeof(facts->counts));
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct batch_event *event = &batch->events[i];
        enum layout_fact fact = layout_fact_of(event->event.kind);
        if (event->fate == BATCH_APPLY && fact != LAYOUT_NO_FACT)
            facts->keys[fact][facts->counts[fact]++] =
                key_of((const char *)event->event.id, (uint32_t)i);
    }
    for (int fact = 0; fact < LAYOUT_FACTS; fact++)
        qsort(facts->keys[fact], facts->counts[fact], sizeof(*facts->keys[fact]), compare_keys);
}

void facts_done(struct facts *facts)
{
    for (int fact = 0; fact < LAYOUT_FACTS; fact++)
        free(facts->keys[fact]);
    *facts = (struct facts){0};
}

struct batch_event *facts_find(const struct facts *facts, enum layout_fact fact,
                               const struct batch *batch, const char *id)
{
    struct fact_key wanted = key_of(id, 0);
    const struct fact_key *found =
        bsearch(&wanted, facts->keys[fact], facts->counts[fact], sizeof(wanted), compare_keys);
    return found == NULL ? NULL : &batch->events[found->index];
}
