#include "libs/base/err.h"

#include "libs/base/bytes.h"
#include "libs/base/redact.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef err_set
#undef err_prefix
#endif

/* Long enough for one message of libpq or librdkafka; the secret in it is hidden before the cut. */
#define WORK_BYTES 1024

static void store(struct err *err, char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    while (len > 0 && text[len - 1] == ' ')
        len--;
    len = redact_tokens(text, len);

    struct bytes kept = bytes_cut_utf8((struct bytes){text, len}, sizeof(err->text) - 1);
    memcpy(err->text, kept.data, kept.len);
    err->text[kept.len] = '\0';
}

static size_t written(int result, size_t size)
{
    if (result < 0)
        return 0;
    return (size_t)result < size ? (size_t)result : size - 1;
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    char work[WORK_BYTES];
    va_list args;
    va_start(args, fmt);
    size_t len = written(vsnprintf(work, sizeof(work), fmt, args), sizeof(work));
    va_end(args);

    err->kind = kind;
    store(err, work, len);
    return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
    char work[WORK_BYTES];
    va_list args;
    va_start(args, fmt);
    size_t len = written(vsnprintf(work, sizeof(work), fmt, args), sizeof(work));
    va_end(args);

    len += written(snprintf(work + len, sizeof(work) - len, ": %s", err->text), sizeof(work) - len);
    store(err, work, len);
    return false;
}
