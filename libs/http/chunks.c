#include "libs/http/chunks.h"

#define SIZE_LINE_MAX 256
#define TRAILERS_MAX 4096

void http_chunks_init(struct http_chunks *chunks)
{
    *chunks = (struct http_chunks){.state = HTTP_CHUNKS_SIZE};
}

static enum http_parse refuse(struct http_chunks *chunks, int status)
{
    chunks->status = status;
    return HTTP_PARSE_REFUSED;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum http_parse go(struct http_chunks *chunks, enum http_chunks_state state)
{
    chunks->state = state;
    return HTTP_PARSE_MORE;
}

/* Only `expected` may stand here. */
static enum http_parse demand(struct http_chunks *chunks, char c, char expected,
                              enum http_chunks_state next)
{
    return c == expected ? go(chunks, next) : refuse(chunks, 400);
}

static enum http_parse read_digit(struct http_chunks *chunks, char c)
{
    int value = hex_value(c);
    if (value < 0 || chunks->left > UINT64_MAX >> 4)
        return refuse(chunks, 400);
    chunks->left = chunks->left << 4 | (uint64_t)value;
    return go(chunks, HTTP_CHUNKS_SIZE_MORE);
}

static enum http_parse read_size_more(struct http_chunks *chunks, char c)
{
    if (c == '\r')
        return go(chunks, HTTP_CHUNKS_SIZE_LF);
    if (c == ';')
        return go(chunks, HTTP_CHUNKS_EXTENSION);
    return read_digit(chunks, c);
}

/* What may stand in an extension or a trailer's value. */
static bool is_text(char c)
{
    return (unsigned char)c >= ' ' ? c != 0x7F : c == '\t';
}

static enum http_parse read_text(struct http_chunks *chunks, char c,
                                 enum http_chunks_state after_cr)
{
    if (c == '\r')
        return go(chunks, after_cr);
    return is_text(c) ? HTTP_PARSE_MORE : refuse(chunks, 400);
}

static enum http_parse end_size_line(struct http_chunks *chunks, char c, const struct buf *body)
{
    if (c != '\n')
        return refuse(chunks, 400);
    chunks->overhead = 0;
    if (chunks->left > body->max - body->len)
        return refuse(chunks, 413);
    return go(chunks, chunks->left == 0 ? HTTP_CHUNKS_TRAILER : HTTP_CHUNKS_DATA);
}

static enum http_parse read_trailer_start(struct http_chunks *chunks, char c)
{
    if (c == '\r')
        return go(chunks, HTTP_CHUNKS_END_LF);
    return http_is_token_char(c) ? go(chunks, HTTP_CHUNKS_TRAILER_NAME) : refuse(chunks, 400);
}

static enum http_parse read_trailer_name(struct http_chunks *chunks, char c)
{
    if (c == ':')
        return go(chunks, HTTP_CHUNKS_TRAILER_VALUE);
    return http_is_token_char(c) ? HTTP_PARSE_MORE : refuse(chunks, 400);
}

static enum http_parse read_frame_char(struct http_chunks *chunks, char c, const struct buf *body)
{
    switch (chunks->state) {
    case HTTP_CHUNKS_SIZE:
        return read_digit(chunks, c);
    case HTTP_CHUNKS_SIZE_MORE:
        return read_size_more(chunks, c);
    case HTTP_CHUNKS_EXTENSION:
        return read_text(chunks, c, HTTP_CHUNKS_SIZE_LF);
    case HTTP_CHUNKS_SIZE_LF:
        return end_size_line(chunks, c, body);
    case HTTP_CHUNKS_DATA_CR:
        return demand(chunks, c, '\r', HTTP_CHUNKS_DATA_LF);
    case HTTP_CHUNKS_DATA_LF:
        return demand(chunks, c, '\n', HTTP_CHUNKS_SIZE);
    case HTTP_CHUNKS_TRAILER:
        return read_trailer_start(chunks, c);
    case HTTP_CHUNKS_TRAILER_NAME:
        return read_trailer_name(chunks, c);
    case HTTP_CHUNKS_TRAILER_VALUE:
        return read_text(chunks, c, HTTP_CHUNKS_TRAILER_LF);
    case HTTP_CHUNKS_TRAILER_LF:
        return demand(chunks, c, '\n', HTTP_CHUNKS_TRAILER);
    case HTTP_CHUNKS_END_LF:
        return c == '\n' ? HTTP_PARSE_DONE : refuse(chunks, 400);
    case HTTP_CHUNKS_DATA:
        break;
    }
    return refuse(chunks, 400);
}

/* Overhead is bounded, or a body could cost without end and never grow. */
static bool is_overhead_bounded(struct http_chunks *chunks)
{
    size_t max = chunks->state < HTTP_CHUNKS_TRAILER ? SIZE_LINE_MAX : TRAILERS_MAX;
    return ++chunks->overhead <= max;
}

static size_t copy_data(struct http_chunks *chunks, struct bytes data, struct buf *body)
{
    size_t len = chunks->left < data.len ? (size_t)chunks->left : data.len;
    if (!buf_append(body, data.data, len))
        return 0; /* end_size_line made sure that it fits */
    chunks->left -= len;
    if (chunks->left == 0)
        chunks->state = HTTP_CHUNKS_DATA_CR;
    return len;
}

enum http_parse http_chunks_run(struct http_chunks *chunks, struct bytes data, struct buf *body,
                                size_t *out_used)
{
    size_t at = 0;
    enum http_parse result = HTTP_PARSE_MORE;
    while (at < data.len && result == HTTP_PARSE_MORE) {
        if (chunks->state == HTTP_CHUNKS_DATA) {
            at += copy_data(chunks, (struct bytes){data.data + at, data.len - at}, body);
            continue;
        }
        result = is_overhead_bounded(chunks) ? read_frame_char(chunks, data.data[at], body)
                                             : refuse(chunks, 400);
        at++;
    }
    *out_used = at;
    return result;
}
