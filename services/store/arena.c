#include "services/store/arena.h"

#include "libs/base/mem.h"

#include <stdlib.h>

#define CHUNK_BYTES (64 << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t capacity;
    char data[];
};

static struct arena_chunk *chunk_new(size_t len)
{
    size_t capacity = len > CHUNK_BYTES ? len : CHUNK_BYTES;
    struct arena_chunk *chunk = mem_grow(NULL, 1, sizeof(*chunk) + capacity);
    *chunk = (struct arena_chunk){.capacity = capacity};
    return chunk;
}

/* The next chunk with room; one is put in when the kept ones are too small. */
static struct arena_chunk *chunk_with_room(struct arena *arena, size_t len)
{
    struct arena_chunk **link = arena->current == NULL ? &arena->first : &arena->current->next;
    if (*link == NULL || (*link)->capacity < len) {
        struct arena_chunk *chunk = chunk_new(len);
        chunk->next = *link;
        *link = chunk;
    }
    (*link)->used = 0;
    arena->current = *link;
    return *link;
}

struct bytes arena_keep(struct arena *arena, struct bytes text)
{
    if (text.data == NULL)
        return text;
    struct arena_chunk *chunk = arena->current;
    if (chunk == NULL || chunk->capacity - chunk->used < text.len)
        chunk = chunk_with_room(arena, text.len);
    char *copy = chunk->data + chunk->used;
    memcpy(copy, text.data, text.len);
    chunk->used += text.len;
    arena->used += text.len;
    return (struct bytes){copy, text.len};
}

void arena_reset(struct arena *arena)
{
    arena->current = NULL;
    arena->used = 0;
}

void arena_done(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->first; chunk != NULL;) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}
