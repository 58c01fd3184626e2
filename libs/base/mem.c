#include "libs/base/mem.h"

#include "libs/base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_exhausted(void)
{
    log_error("out of memory, exiting");
    /* Not exit(): handlers of foreign libraries would allocate again. */
    _exit(EXIT_FAILURE);
}

static size_t total(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        mem_exhausted();
    size_t bytes = count * size;
    return bytes == 0 ? 1 : bytes;
}

void *mem_array(size_t count, size_t size)
{
    void *p = calloc(1, total(count, size));
    if (p == NULL)
        mem_exhausted();
    return p;
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_grow(void *p, size_t count, size_t size)
{
    void *grown = realloc(p, total(count, size));
    if (grown == NULL)
        mem_exhausted();
    return grown;
}

void *mem_copy(const void *data, size_t len)
{
    void *p = malloc(total(len, 1));
    if (p == NULL)
        mem_exhausted();
    if (len > 0)
        memcpy(p, data, len);
    return p;
}

char *mem_text(const char *data, size_t len)
{
    if (len == SIZE_MAX)
        mem_exhausted();
    char *text = malloc(len + 1);
    if (text == NULL)
        mem_exhausted();
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    return text;
}
