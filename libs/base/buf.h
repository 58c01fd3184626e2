/*
 * buf: growable bytes with a mandatory maximum.
 *
 * An append that would pass the maximum changes nothing and returns false; what that means is the
 * caller's decision. Not thread-safe.
 */
#ifndef LIBS_BASE_BUF_H
#define LIBS_BASE_BUF_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

struct buf {
    char *data; /* NULL while nothing was ever appended */
    size_t len;
    size_t capacity;
    size_t max;
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);  /* a zeroed struct is fine */
void buf_clear(struct buf *buf); /* keeps the memory */

MUST_CHECK bool buf_append(struct buf *buf, const void *data, size_t len);
MUST_CHECK bool buf_appendf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Room for len more bytes to be written in place at data + len of the buffer; NULL past the
 * maximum. The caller adds what it wrote to buf->len. */
char *buf_reserve(struct buf *buf, size_t len);

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return (struct bytes){buf->data, buf->len};
}

#endif
