/* answer: the head of an HTTP/1.1 answer as bytes. Pure. */
#ifndef LIBS_HTTP_ANSWER_H
#define LIBS_HTTP_ANSWER_H

#include "libs/base/buf.h"
#include "libs/http/server.h"

struct answer {
    int status;
    const struct http_field *fields; /* one with a line break or NUL in it is left out */
    size_t field_count;
    size_t body_len;
    bool closes;
    struct bytes date; /* RFC 9110's IMF-fixdate */
};

/* Append status line and fields up to the empty line. False: out's maximum is too small. */
MUST_CHECK bool answer_format(const struct answer *answer, struct buf *out);

/* An answer of this status has no body, whatever is asked for. */
bool answer_is_bodyless(int status);

#endif
