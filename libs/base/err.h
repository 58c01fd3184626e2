/*
 * err: what a failure means for whoever handles it.
 *
 * A function that can fail is `MUST_CHECK bool verb(…, struct err *err)`. True: outputs are set,
 * *err is untouched. False: *err is set, outputs are untouched. Failures are logged once, by the
 * loop or main that handles them.
 */
#ifndef LIBS_BASE_ERR_H
#define LIBS_BASE_ERR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err_kind {
    ERR_RETRY = 1, /* the outside world is unwell; the same call may work later */
    ERR_REJECT,    /* this input can never work; set it aside and go on */
    ERR_FATAL,     /* this process cannot go on; log it and exit non-zero */
};

struct err {
    enum err_kind kind;
    char text[256]; /* one line for a person; holds no secret and no message body */
};

/* Both return false, so a failure is one line: `return err_set(err, …);`. Line breaks in the text
 * become spaces. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put context before the text that is there. */
bool err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#ifdef __clang_analyzer__ /* it sees one file at a time and must be told that both return false */
#define err_set(...) ((void)err_set(__VA_ARGS__), false)
#define err_prefix(...) ((void)err_prefix(__VA_ARGS__), false)
#endif

#endif
