/*
 * fuzz_log_line: any texts as the values of a log line, in both formats.
 *
 * The first byte chooses the format and may put a long value before the others; values end at a
 * NUL. A line is one line of UTF-8 within its bound, without control characters and tokens; JSON
 * reads it; and a value that was not cut reads as what was written, tokens and bytes that are no
 * UTF-8 replaced.
 */
#include "libs/base/log_line.h"

#include "tests/fuzz/fuzz.h"

#include <yyjson.h>

#define VALUES_MAX 8
#define READ_MAX (16 << 10)

static const char *const KEYS[VALUES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

struct reading {
    char text[READ_MAX];
    size_t len;
};

static void put(struct reading *out, struct bytes text)
{
    DEMAND(text.len <= READ_MAX - out->len);
    if (text.len > 0)
        memcpy(out->text + out->len, text.data, text.len);
    out->len += text.len;
}

static struct bytes read_bytes(const struct reading *reading)
{
    return (struct bytes){reading->text, reading->len};
}

/* What is to be read again. */
static void expect(struct bytes text, struct reading *out)
{
    out->len = 0;
    for (size_t at = 0; at < text.len;) {
        struct bytes rest = {text.data + at, text.len - at};
        bool is_start = at == 0 || text.data[at - 1] < '0' || text.data[at - 1] > '9';
        size_t token = is_start ? redact_token_len(rest.data, rest.len) : 0;
        size_t len = bytes_utf8_char(rest);
        if (token > 0)
            put(out, BYTES_LITERAL(REDACTED));
        else if (len == 0)
            put(out, BYTES_LITERAL("\xEF\xBF\xBD"));
        else
            put(out, (struct bytes){rest.data, len});
        at += token > 0 ? token : len + (len == 0 ? 1 : 0);
    }
}

/* One value of a logfmt line; false: its quote is missing. */
static bool read_logfmt(struct bytes *rest, struct reading *out)
{
    out->len = 0;
    if (rest->len == 0 || rest->data[0] != '"') {
        put(out, fuzz_cut(rest, ' '));
        return true;
    }
    (void)fuzz_byte(rest);
    while (rest->len > 0) {
        char c = (char)fuzz_byte(rest);
        if (c == '"') {
            (void)fuzz_byte(rest); /* the blank before the next key */
            return true;
        }
        if (c == '\\') {
            c = (char)fuzz_byte(rest);
            c = c == 'n' ? '\n' : c;
            if (c == 'u') {
                char digits[5] = {0};
                for (int i = 0; i < 4; i++)
                    digits[i] = (char)fuzz_byte(rest);
                c = (char)strtol(digits, NULL, 16);
            }
        }
        put(out, (struct bytes){&c, 1});
    }
    return false;
}

static void check_logfmt(const struct log_line *line, char *const *values, size_t count)
{
    static struct reading wanted;
    static struct reading found;
    struct bytes rest = {line->text, line->len - 1};
    for (size_t i = 0; i < count && !line->is_full; i++) {
        DEMAND(bytes_equal(fuzz_cut(&rest, '='), bytes_of_text(KEYS[i])));
        DEMAND(read_logfmt(&rest, &found));
        expect(bytes_of_text(values[i]), &wanted);
        DEMAND(bytes_equal(read_bytes(&wanted), read_bytes(&found)));
    }
    DEMAND(line->is_full || rest.len == 0);
}

static void check_json(const struct log_line *line, char *const *values, size_t count)
{
    static struct reading wanted;
    yyjson_doc *document = yyjson_read(line->text, line->len, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    DEMAND(yyjson_is_obj(root) && yyjson_obj_size(root) <= count);
    DEMAND(line->is_full || yyjson_obj_size(root) == count);
    for (size_t i = 0; i < count && !line->is_full; i++) {
        yyjson_val *value = yyjson_obj_get(root, KEYS[i]);
        expect(bytes_of_text(values[i]), &wanted);
        DEMAND(yyjson_is_str(value));
        DEMAND(bytes_equal(read_bytes(&wanted),
                           (struct bytes){yyjson_get_str(value), yyjson_get_len(value)}));
    }
    yyjson_doc_free(document);
}

/* Fills a line nearly, or not at all. */
static char *filler(uint8_t choice)
{
    size_t len = choice < 0xe0 ? 0 : 4096 - 8U * (choice & 0x1fU);
    char *text = malloc(len + 1);
    DEMAND(text != NULL);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static size_t take_values(struct bytes rest, uint8_t choice, char **values)
{
    size_t count = 1;
    values[0] = filler(choice);
    while (rest.len > 0 && count < VALUES_MAX)
        values[count++] = fuzz_text(fuzz_cut(&rest, '\0'));
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct log_line line;
    char *values[VALUES_MAX];
    struct bytes rest = fuzz_bytes(data, size);
    uint8_t choice = fuzz_byte(&rest);
    enum log_format format = choice % 2 == 0 ? LOG_FORMAT_LOGFMT : LOG_FORMAT_JSON;
    size_t count = take_values(rest, choice, values);
    log_line_begin(&line, format);
    for (size_t i = 0; i < count; i++)
        log_line_text(&line, KEYS[i], values[i]);
    struct bytes text = log_line_end(&line);

    DEMAND(text.len > 0 && text.len <= LOG_LINE_BYTES && text.data[text.len - 1] == '\n');
    DEMAND(fuzz_is_one_line((struct bytes){text.data, text.len - 1}));
    DEMAND(bytes_is_utf8(text));
    if (format == LOG_FORMAT_JSON)
        check_json(&line, values, count);
    else
        check_logfmt(&line, values, count);
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    return 0;
}
