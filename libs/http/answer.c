#include "libs/http/answer.h"

struct status_line {
    int status;
    struct bytes line;
};

#define LINE(status, reason) \
    {status, \
     {"HTTP/1.1 " #status " " reason "\r\n", sizeof("HTTP/1.1 " #status " " reason "\r\n") - 1}}

/* The most frequent first. */
static const struct status_line STATUS_LINES[] = {
    LINE(200, "OK"),
    LINE(401, "Unauthorized"),
    LINE(503, "Service Unavailable"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(304, "Not Modified"),
    LINE(400, "Bad Request"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(413, "Content Too Large"),
    LINE(415, "Unsupported Media Type"),
    LINE(417, "Expectation Failed"),
    LINE(422, "Unprocessable Content"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"),
    LINE(502, "Bad Gateway"),
    LINE(504, "Gateway Timeout"),
    LINE(505, "HTTP Version Not Supported"),
};

bool answer_is_bodyless(int status)
{
    return status == 204 || status == 304;
}

static bool append(struct buf *out, struct bytes text)
{
    return buf_append(out, text.data, text.len);
}

static bool append_status(int status, struct buf *out)
{
    for (size_t i = 0; i < sizeof(STATUS_LINES) / sizeof(*STATUS_LINES); i++)
        if (STATUS_LINES[i].status == status)
            return append(out, STATUS_LINES[i].line);
    return buf_appendf(out, "HTTP/1.1 %d \r\n", status);
}

static bool append_number(size_t number, struct buf *out)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return buf_append(out, digits + at, sizeof(digits) - at);
}

/* A line break in a value would begin a field, or an answer, of somebody else's choice. */
static bool is_one_line(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == '\0')
            return false;
    return true;
}

static bool append_field(const struct http_field *field, struct buf *out)
{
    if (!is_one_line(field->value) || !is_one_line(bytes_of_text(field->name)))
        return true;
    return append(out, bytes_of_text(field->name)) && append(out, BYTES_LITERAL(": ")) &&
           append(out, field->value) && append(out, BYTES_LITERAL("\r\n"));
}

bool answer_format(const struct answer *answer, struct buf *out)
{
    bool fits = append_status(answer->status, out) && append(out, BYTES_LITERAL("Date: ")) &&
                append(out, answer->date) && append(out, BYTES_LITERAL("\r\n"));
    if (!answer_is_bodyless(answer->status))
        fits = fits && append(out, BYTES_LITERAL("Content-Length: ")) &&
               append_number(answer->body_len, out) && append(out, BYTES_LITERAL("\r\n"));
    for (size_t i = 0; fits && i < answer->field_count; i++)
        fits = append_field(&answer->fields[i], out);
    if (answer->closes)
        fits = fits && append(out, BYTES_LITERAL("Connection: close\r\n"));
    return fits && append(out, BYTES_LITERAL("\r\n"));
}
