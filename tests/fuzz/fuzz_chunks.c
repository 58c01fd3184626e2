/*
 * fuzz_chunks: any bytes as a chunked body, and any body in any chunks.
 *
 * The first byte chooses the pieces. What is accepted is what a plain reading of the whole accepts,
 * with the same body and the same end; a body that is cut into chunks comes out as it was.
 */
#include "libs/http/chunks.h"

#include "tests/fuzz/fuzz.h"

#define BODY_MAX 512
#define ENCODED_MAX 64    /* of a body that is cut into chunks here */
#define SIZE_LINE_MAX 256 /* bytes of a size line, the line break before it included */
#define TRAILERS_MAX 4096

struct reading {
    struct bytes rest;
    char body[BODY_MAX];
    size_t len;
};

/* A line of at most `max` bytes with its CR LF, of which no other control character is part. */
static bool take_line(struct bytes *rest, size_t max, struct bytes *out)
{
    size_t len = 0;
    while (len < rest->len && len < max && rest->data[len] != '\r') {
        unsigned char c = (unsigned char)rest->data[len];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
        len++;
    }
    if (len + 2 > max || len + 2 > rest->len || rest->data[len] != '\r' ||
        rest->data[len + 1] != '\n')
        return false;
    *out = (struct bytes){rest->data, len};
    *rest = (struct bytes){rest->data + len + 2, rest->len - len - 2};
    return true;
}

static bool read_size(struct bytes line, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    struct bytes number = fuzz_cut(&line, ';');
    uint64_t size = 0;
    for (size_t i = 0; i < number.len; i++) {
        const char *digit = memchr(digits, number.data[i], sizeof(digits) - 1);
        if (digit == NULL || size >> 60 != 0)
            return false;
        size = size << 4 | (uint64_t)((digit - digits) % 16);
    }
    *out = size;
    return number.len > 0;
}

static bool is_trailer(struct bytes line)
{
    size_t len = 0;
    while (len < line.len && http_is_token_char(line.data[len]))
        len++;
    return len > 0 && len < line.len && line.data[len] == ':';
}

static bool read_trailers(struct reading *reading)
{
    struct bytes line;
    size_t left = TRAILERS_MAX;
    while (take_line(&reading->rest, left, &line)) {
        if (line.len == 0)
            return true;
        left -= line.len + 2;
        if (!is_trailer(line))
            return false;
    }
    return false;
}

/* The whole body, from its first byte; false: it is none, or does not end. */
static bool read_body(struct reading *reading)
{
    struct bytes line;
    uint64_t size;
    for (size_t before = 0;; before = 2) {
        if (!take_line(&reading->rest, SIZE_LINE_MAX - before, &line) || !read_size(line, &size) ||
            size > BODY_MAX - reading->len)
            return false;
        if (size == 0)
            return read_trailers(reading);
        if (reading->rest.len < size + 2 || memcmp(reading->rest.data + size, "\r\n", 2) != 0)
            return false;
        memcpy(reading->body + reading->len, reading->rest.data, (size_t)size);
        reading->len += (size_t)size;
        reading->rest.data += size + 2;
        reading->rest.len -= (size_t)size + 2;
    }
}

/* Returns how much was used. */
static size_t run(struct bytes data, size_t piece, struct buf *body, enum http_parse *out)
{
    struct http_chunks chunks;
    size_t at = 0;
    *out = HTTP_PARSE_MORE;
    http_chunks_init(&chunks);
    while (*out == HTTP_PARSE_MORE && at < data.len) {
        size_t len = data.len - at < piece ? data.len - at : piece;
        size_t used = 0;
        *out = http_chunks_run(&chunks, (struct bytes){data.data + at, len}, body, &used);
        DEMAND(used <= len && (used == len || *out != HTTP_PARSE_MORE));
        at += used;
    }
    if (*out == HTTP_PARSE_REFUSED)
        DEMAND(chunks.status == 400 || chunks.status == 413);
    return at;
}

static void check_any(struct bytes data, size_t piece)
{
    static struct reading reading;
    struct buf body;
    enum http_parse result;
    reading.rest = data;
    reading.len = 0;
    buf_init(&body, BODY_MAX);
    size_t used = run(data, piece, &body, &result);
    bool is_body = read_body(&reading);
    DEMAND((result == HTTP_PARSE_DONE) == is_body);
    if (is_body) {
        DEMAND(used == data.len - reading.rest.len);
        DEMAND(bytes_equal(buf_bytes(&body), (struct bytes){reading.body, reading.len}));
    }
    buf_done(&body);
}

static void append(struct buf *out, const void *data, size_t len)
{
    DEMAND(buf_append(out, data, len));
}

static void check_encoded(struct bytes body, size_t step, size_t piece)
{
    struct buf text;
    struct buf decoded;
    enum http_parse result;
    buf_init(&text, 64 * ENCODED_MAX);
    buf_init(&decoded, BODY_MAX);
    for (size_t at = 0; at < body.len; at += step) {
        size_t len = body.len - at < step ? body.len - at : step;
        DEMAND(buf_appendf(&text, at % 2 == 0 ? "%zx\r\n" : "0%zX;a=\"b\"\r\n", len));
        append(&text, body.data + at, len);
        append(&text, "\r\n", 2);
    }
    append(&text, "0\r\nX-Trailer: 1\r\n\r\nGET", 22);
    DEMAND(run(buf_bytes(&text), piece, &decoded, &result) == text.len - 3);
    DEMAND(result == HTTP_PARSE_DONE && bytes_equal(buf_bytes(&decoded), body));
    buf_done(&text);
    buf_done(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = fuzz_bytes(data, size);
    size_t choice = fuzz_byte(&rest);
    check_any(rest, 1 + choice % 16);
    if (rest.len <= ENCODED_MAX)
        check_encoded(rest, 1 + choice / 16, 1 + choice % 16);
    return 0;
}
