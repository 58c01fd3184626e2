#include "libs/base/log_line.h"

#include "libs/base/redact.h"

#include <inttypes.h>
#include <stdio.h>

#define ELLIPSIS "\xE2\x80\xA6"
#define REPLACEMENT "\xEF\xBF\xBD"

/* Kept free for what ends a cut line: the ellipsis, a quote, a brace and the line break. */
#define TAIL_BYTES 8
#define NUMBER_BYTES sizeof("-9223372036854775808")

static size_t room(const struct log_line *line)
{
    size_t end = sizeof(line->text) - TAIL_BYTES;
    return line->len < end ? end - line->len : 0;
}

static void put(struct log_line *line, const char *data, size_t len)
{
    memcpy(line->text + line->len, data, len);
    line->len += len;
}

void log_line_begin(struct log_line *line, enum log_format format)
{
    line->format = format;
    line->len = 0;
    line->is_full = false;
    if (format == LOG_FORMAT_JSON)
        put(line, "{", 1);
}

/* False: the line has no room for the name and a value of `value_len` bytes. */
static bool put_key(struct log_line *line, const char *key, size_t value_len)
{
    bool is_json = line->format == LOG_FORMAT_JSON;
    size_t key_len = strlen(key);
    if (line->is_full || room(line) < key_len + value_len + strlen(",\"\":")) {
        line->is_full = true;
        return false;
    }
    if (line->len > (is_json ? 1U : 0U))
        put(line, is_json ? "," : " ", 1);
    if (is_json)
        put(line, "\"", 1);
    put(line, key, key_len);
    put(line, is_json ? "\":" : "=", is_json ? 2 : 1);
    return true;
}

void log_line_int(struct log_line *line, const char *key, int64_t number)
{
    char digits[NUMBER_BYTES];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, number);
    if (put_key(line, key, (size_t)len))
        put(line, digits, (size_t)len);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._/:+@,", c) != NULL);
}

static bool needs_quotes(const struct log_line *line, struct bytes text)
{
    if (line->format == LOG_FORMAT_JSON || text.len == 0)
        return true;
    for (size_t i = 0; i < text.len; i++)
        if (!is_plain(text.data[i]))
            return true;
    return false;
}

/* What stands in the line for the character at the beginning of `text`, at most 6 bytes. */
static struct bytes escape(struct bytes text, size_t *out_used, char scratch[8])
{
    unsigned char first = (unsigned char)text.data[0];
    size_t len = bytes_utf8_char(text);
    *out_used = len == 0 ? 1 : len;
    if (len == 0)
        return BYTES_LITERAL(REPLACEMENT);
    if (first == '"')
        return BYTES_LITERAL("\\\"");
    if (first == '\\')
        return BYTES_LITERAL("\\\\");
    if (first == '\n')
        return BYTES_LITERAL("\\n");
    if (first < ' ' || first == 0x7F) {
        (void)snprintf(scratch, 8, "\\u%04x", (unsigned)first);
        return (struct bytes){scratch, 6};
    }
    return (struct bytes){text.data, len};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The next piece of the value: a token becomes "***", everything else one escaped character. */
static struct bytes next_piece(struct bytes text, bool after_digit, size_t *out_used,
                               char scratch[8])
{
    size_t token = 0;
    if (!after_digit && is_digit(text.data[0]))
        token = redact_token_len(text.data, text.len);
    if (token == 0)
        return escape(text, out_used, scratch);
    *out_used = token;
    return BYTES_LITERAL(REDACTED);
}

static void put_value(struct log_line *line, struct bytes text)
{
    bool after_digit = false;
    while (text.len > 0) {
        char scratch[8];
        size_t used = 0;
        struct bytes piece = next_piece(text, after_digit, &used, scratch);
        if (room(line) < piece.len) {
            line->is_full = true;
            put(line, ELLIPSIS, strlen(ELLIPSIS));
            return;
        }
        put(line, piece.data, piece.len);
        after_digit = is_digit(text.data[0]) && used == 1;
        text.data += used;
        text.len -= used;
    }
}

void log_line_text(struct log_line *line, const char *key, const char *text)
{
    struct bytes value = bytes_of_text(text == NULL ? "" : text);
    if (!put_key(line, key, strlen("\"\"")))
        return;
    bool quoted = needs_quotes(line, value);
    if (quoted)
        put(line, "\"", 1);
    put_value(line, value);
    if (quoted)
        put(line, "\"", 1);
}

struct bytes log_line_end(struct log_line *line)
{
    if (line->format == LOG_FORMAT_JSON)
        put(line, "}", 1);
    put(line, "\n", 1);
    return (struct bytes){line->text, line->len};
}
