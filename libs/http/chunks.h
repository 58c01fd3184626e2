/*
 * chunks: decode a chunked body, strictly and incrementally.
 *
 * Pure apart from the buffer that the body goes to. Extensions and trailers are checked, bounded
 * and ignored.
 */
#ifndef LIBS_HTTP_CHUNKS_H
#define LIBS_HTTP_CHUNKS_H

#include "libs/base/buf.h"
#include "libs/http/parser.h"

enum http_chunks_state {
    HTTP_CHUNKS_SIZE,      /* at the first digit of a chunk's size */
    HTTP_CHUNKS_SIZE_MORE, /* after at least one digit */
    HTTP_CHUNKS_EXTENSION, /* after ';' */
    HTTP_CHUNKS_SIZE_LF,   /* after the size line's CR */
    HTTP_CHUNKS_DATA,
    HTTP_CHUNKS_DATA_CR, /* all data of the chunk is there */
    HTTP_CHUNKS_DATA_LF,
    HTTP_CHUNKS_TRAILER, /* at the beginning of a line after the last chunk */
    HTTP_CHUNKS_TRAILER_NAME,
    HTTP_CHUNKS_TRAILER_VALUE,
    HTTP_CHUNKS_TRAILER_LF, /* after a trailer's CR */
    HTTP_CHUNKS_END_LF,     /* after the CR that ends the body */
};

struct http_chunks {
    enum http_chunks_state state;
    uint64_t left;   /* of the current chunk's data; its size while that is read */
    size_t overhead; /* bytes of the current size line, or of all trailers */
    int status;      /* after HTTP_PARSE_REFUSED: what to answer */
};

void http_chunks_init(struct http_chunks *chunks);

/* Append what `data` holds of the body; *out_used bytes of it were read (all of them unless DONE).
 * REFUSED with 413: the body passes its buffer's maximum. */
enum http_parse http_chunks_run(struct http_chunks *chunks, struct bytes data, struct buf *body,
                                size_t *out_used);

#endif
