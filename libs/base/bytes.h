/* bytes: a borrowed view of bytes or text that somebody else owns. Not ended by NUL. {NULL, 0} is
 * empty. */
#ifndef LIBS_BASE_BYTES_H
#define LIBS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *data;
    size_t len;
};

#define BYTES_LITERAL(text) ((struct bytes){(text), sizeof(text) - 1})

static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The length of the well-formed UTF-8 character at the beginning; 0: there is none. */
size_t bytes_utf8_char(struct bytes text);

/* Every byte sequence is well-formed UTF-8 (no surrogate, no overlong form, at most U+10FFFF). */
bool bytes_is_utf8(struct bytes text);

/* The longest prefix of at most max bytes that does not split a UTF-8 character. `text` is valid
 * UTF-8. */
struct bytes bytes_cut_utf8(struct bytes text, size_t max);

/* A whole decimal int64 with an optional minus, nothing before or after it. */
bool bytes_get_int64(struct bytes text, int64_t *out);

#endif
