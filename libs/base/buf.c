#include "libs/base/buf.h"

#include "libs/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_FIRST 256

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

static size_t next_capacity(const struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity == 0 ? CAPACITY_FIRST : buf->capacity;
    while (capacity < needed && capacity <= buf->max / 2)
        capacity *= 2;
    if (capacity < needed)
        capacity = buf->max;
    return capacity;
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (len > buf->max - buf->len)
        return NULL;
    size_t needed = buf->len + len;
    if (buf->data == NULL || needed > buf->capacity) {
        buf->capacity = next_capacity(buf, needed);
        buf->data = mem_grow(buf->data, buf->capacity, 1);
    }
    return buf->data + buf->len;
}

bool buf_append(struct buf *buf, const void *data, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (to == NULL)
        return false;
    if (len > 0)
        memcpy(to, data, len);
    buf->len += len;
    return true;
}

bool buf_appendf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = buf->data == NULL ? 0 : buf->capacity - buf->len;
    int result = vsnprintf(room == 0 ? NULL : buf->data + buf->len, room, fmt, args);
    va_end(args);
    if (result < 0)
        return false;

    size_t len = (size_t)result;
    if (len < room) {
        if (len > buf->max - buf->len)
            return false;
        buf->len += len;
        return true;
    }
    /* vsnprintf also wants room for the NUL, which is no part of the text. */
    char *text = mem_text(NULL, 0);
    text = mem_grow(text, len + 1, 1);
    va_start(args, fmt);
    (void)vsnprintf(text, len + 1, fmt, args);
    va_end(args);
    bool fits = buf_append(buf, text, len);
    free(text);
    return fits;
}
