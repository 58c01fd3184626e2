/*
 * fuzz_bytes: any bytes as UTF-8 and as a number.
 *
 * Judged by decoding every character and encoding it again, and by strtoll; a cut text is the
 * longest beginning that fits and splits no character.
 */
#include "libs/base/bytes.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* The length of the character at the beginning by its code point; 0: there is none. */
static size_t decode(struct bytes text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text.len == 0)
        return 0;
    uint32_t point = (unsigned char)text.data[0];
    if (point < 0x80)
        return 1;
    size_t len = point >= 0xf0 ? 4 : point >= 0xe0 ? 3 : 2;
    if (point < 0xc0 || point >= 0xf8 || len > text.len)
        return 0;
    point &= 0xffU >> (len + 1);
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >> 6 != 2)
            return 0;
        point = point << 6 | (byte & 0x3f);
    }
    bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least[len] || point > 0x10ffff || is_surrogate ? 0 : len;
}

/* How many bytes are whole characters, at most `max`. */
static size_t count_good(struct bytes text, size_t max)
{
    size_t at = 0;
    for (;;) {
        size_t len = decode((struct bytes){text.data + at, text.len - at});
        if (len == 0 || at + len > max)
            return at;
        at += len;
    }
}

static void check_number(struct bytes text)
{
    int64_t number = 0;
    char *copy = fuzz_text(text);
    char *end = NULL;
    errno = 0;
    long long theirs = strtoll(copy, &end, 10);
    bool is_plain = text.len > 0 && (copy[0] == '-' || (copy[0] >= '0' && copy[0] <= '9'));
    bool is_whole = is_plain && errno == 0 && end == copy + text.len && end > copy;
    DEMAND(bytes_get_int64(text, &number) == is_whole);
    DEMAND(!is_whole || number == theirs);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = fuzz_bytes(data, size);
    check_number(text);
    size_t max = fuzz_byte(&text);
    bool is_utf8 = count_good(text, text.len) == text.len;
    DEMAND(bytes_is_utf8(text) == is_utf8);
    DEMAND(bytes_utf8_char(text) == decode(text));
    if (is_utf8) {
        struct bytes cut = bytes_cut_utf8(text, max);
        DEMAND(cut.data == text.data && cut.len == count_good(text, max));
    }
    return 0;
}
