#include "libs/http/parser.h"

#define METHOD_LEN_MAX 32
#define LENGTH_DIGITS_MAX 19 /* more do not fit into 64 bits for certain */

/* RFC 9110's tchar, one bit a character. */
static const uint32_t TOKEN_CHARS[8] = {0, 0x03FF6CFA, 0xC7FFFFFE, 0x57FFFFFF, 0, 0, 0, 0};

void http_parser_init(struct http_parser *parser)
{
    parser->line_start = 0;
    parser->scanned = 0;
    parser->has_request_line = false;
    parser->hosts = 0;
    parser->closes = false;
    parser->status = 0;
    parser->head_len = 0;
    parser->head.method = (struct bytes){0};
    parser->head.is_http_1_0 = false;
    parser->head.is_keep_alive = false;
    parser->head.is_chunked = false;
    parser->head.has_length = false;
    parser->head.length = 0;
    parser->head.expects_continue = false;
    parser->head.field_count = 0;
}

bool http_is_token_char(char c)
{
    unsigned char byte = (unsigned char)c;
    return (TOKEN_CHARS[byte >> 5] >> (byte & 31U) & 1U) != 0;
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_token_char(text.data[i]))
            return false;
    return text.len > 0;
}

/* Visible ASCII; a '#' never stands in a request. */
static bool is_target(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F || text.data[i] == '#')
            return false;
    return text.len > 0 && text.data[0] == '/';
}

/* No control characters except the tab. */
static bool is_field_value(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool http_name_equal(struct bytes name, struct bytes other)
{
    if (name.len != other.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (lower(name.data[i]) != lower(other.data[i]))
            return false;
    return true;
}

static bool refuse(struct http_parser *parser, int status)
{
    parser->status = status;
    return false;
}

/* Cut what stands before the first `end`; false: there is none. */
static bool cut_at(struct bytes *rest, char end, struct bytes *out)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    if (at == NULL)
        return false;
    *out = (struct bytes){rest->data, (size_t)(at - rest->data)};
    rest->data += out->len + 1;
    rest->len -= out->len + 1;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_version(struct http_parser *parser, struct bytes text)
{
    bool is_version = text.len == 8 && memcmp(text.data, "HTTP/", 5) == 0 &&
                      is_digit(text.data[5]) && text.data[6] == '.' && is_digit(text.data[7]);
    if (!is_version)
        return refuse(parser, 400);
    if (text.data[5] != '1' || text.data[7] > '1')
        return refuse(parser, 505);
    parser->head.is_http_1_0 = text.data[7] == '0';
    return true;
}

static bool read_request_line(struct http_parser *parser, struct bytes line)
{
    struct http_head *head = &parser->head;
    struct bytes target;
    if (!cut_at(&line, ' ', &head->method) || !cut_at(&line, ' ', &target) ||
        !is_token(head->method) || head->method.len > METHOD_LEN_MAX)
        return refuse(parser, 400);
    if (!read_version(parser, line))
        return false;
    if (!is_target(target))
        return refuse(parser, 400);

    if (cut_at(&target, '?', &head->path)) {
        head->query = target;
    } else {
        head->path = target;
        head->query = (struct bytes){0};
    }
    parser->has_request_line = true;
    return true;
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool read_content_length(struct http_parser *parser, struct bytes value)
{
    struct http_head *head = &parser->head;
    if (head->has_length || value.len == 0)
        return refuse(parser, 400);
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i]))
            return refuse(parser, 400);
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->has_length = true;
    head->length = value.len > LENGTH_DIGITS_MAX ? UINT64_MAX : length;
    return true;
}

static bool read_transfer_encoding(struct http_parser *parser, struct bytes value)
{
    struct bytes coding;
    if (parser->head.is_chunked)
        return refuse(parser, 400);
    bool is_list = cut_at(&value, ',', &coding);
    while (is_list && cut_at(&value, ',', &coding))
        continue;
    /* Only a body whose last coding is "chunked" has an end that everybody sees. */
    if (!http_name_equal(trim(value), BYTES_LITERAL("chunked")))
        return refuse(parser, 400);
    if (is_list)
        return refuse(parser, 501);
    parser->head.is_chunked = true;
    return true;
}

static bool read_connection(struct http_parser *parser, struct bytes value)
{
    struct bytes option;
    while (cut_at(&value, ',', &option))
        parser->closes |= http_name_equal(trim(option), BYTES_LITERAL("close"));
    parser->closes |= http_name_equal(trim(value), BYTES_LITERAL("close"));
    return true;
}

static bool read_expect(struct http_parser *parser, struct bytes value)
{
    if (!http_name_equal(value, BYTES_LITERAL("100-continue")))
        return refuse(parser, 417);
    parser->head.expects_continue = true;
    return true;
}

/* The fields that say where a request ends. */
static bool read_special(struct http_parser *parser, const struct http_head_field *field)
{
    switch (field->name.len) {
    case sizeof("Host") - 1:
        parser->hosts += http_name_equal(field->name, BYTES_LITERAL("Host"));
        return true;
    case sizeof("Expect") - 1:
        return !http_name_equal(field->name, BYTES_LITERAL("Expect")) ||
               read_expect(parser, field->value);
    case sizeof("Connection") - 1:
        return !http_name_equal(field->name, BYTES_LITERAL("Connection")) ||
               read_connection(parser, field->value);
    case sizeof("Content-Length") - 1:
        return !http_name_equal(field->name, BYTES_LITERAL("Content-Length")) ||
               read_content_length(parser, field->value);
    case sizeof("Transfer-Encoding") - 1:
        return !http_name_equal(field->name, BYTES_LITERAL("Transfer-Encoding")) ||
               read_transfer_encoding(parser, field->value);
    default:
        return true;
    }
}

static bool read_field(struct http_parser *parser, struct bytes line)
{
    struct http_head *head = &parser->head;
    if (head->field_count == HTTP_FIELDS_MAX)
        return refuse(parser, 431);
    struct http_head_field *field = &head->fields[head->field_count];
    if (!cut_at(&line, ':', &field->name) || !is_token(field->name) || !is_field_value(line))
        return refuse(parser, 400);
    field->value = trim(line);
    head->field_count++;
    return read_special(parser, field);
}

static bool finish(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    bool host_is_good = parser->hosts == 1 || (head->is_http_1_0 && parser->hosts == 0);
    bool framing_is_good = !head->is_chunked || (!head->has_length && !head->is_http_1_0);
    if (!host_is_good || !framing_is_good)
        return refuse(parser, 400);
    head->is_keep_alive = !parser->closes && !head->is_http_1_0;
    head->expects_continue = head->expects_continue && !head->is_http_1_0;
    return true;
}

/* `line` ends in "\r\n" or it is refused; nothing else ends a line. */
static bool read_line(struct http_parser *parser, struct bytes line, bool *out_is_last)
{
    if (line.len < 2 || line.data[line.len - 2] != '\r')
        return refuse(parser, 400);
    line.len -= 2;
    *out_is_last = parser->has_request_line && line.len == 0;
    if (*out_is_last)
        return finish(parser);
    return parser->has_request_line ? read_field(parser, line) : read_request_line(parser, line);
}

enum http_parse http_parser_run(struct http_parser *parser, struct bytes data)
{
    /* TLS on a plain port and other noise: no need to wait for its first line break. */
    if (data.len > 0 && !http_is_token_char(data.data[0])) {
        parser->status = 400;
        return HTTP_PARSE_REFUSED;
    }
    for (bool is_last = false; !is_last;) {
        const char *end = NULL;
        if (parser->scanned < data.len)
            end = memchr(data.data + parser->scanned, '\n', data.len - parser->scanned);
        if (end == NULL) {
            parser->scanned = data.len;
            return HTTP_PARSE_MORE;
        }
        size_t next = (size_t)(end - data.data) + 1;
        struct bytes line = {data.data + parser->line_start, next - parser->line_start};
        parser->line_start = next;
        parser->scanned = next;
        if (!read_line(parser, line, &is_last))
            return HTTP_PARSE_REFUSED;
    }
    parser->head_len = parser->line_start;
    return HTTP_PARSE_DONE;
}
