/*
 * mem: allocation that never returns NULL.
 *
 * A process that cannot allocate logs one line and exits with 1: nothing was acknowledged that is
 * not durable, so a restart loses nothing, and no half-tested recovery path can answer wrongly
 * (docs/adr/0006).
 */
#ifndef LIBS_BASE_MEM_H
#define LIBS_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);               /* zeroed; ends with free() */
void *mem_array(size_t count, size_t size); /* zeroed; exits on overflow */
void *mem_grow(void *p, size_t count,
               size_t size); /* realloc to count * size; new bytes are not zeroed */
void *mem_copy(const void *data, size_t len); /* len 0: a valid pointer to nothing */
char *mem_text(const char *data, size_t len); /* a copy ended by NUL */
_Noreturn void mem_exhausted(void); /* for callbacks of foreign libraries that report ENOMEM */

#endif
