#include "libs/base/bytes.h"

static bool is_between(unsigned char byte, unsigned char first, unsigned char last)
{
    return byte >= first && byte <= last;
}

/* The second byte's range depends on the first: it excludes overlong forms, surrogates and >
 * U+10FFFF. */
static bool is_second_byte(unsigned char first, unsigned char second)
{
    if (first == 0xE0)
        return is_between(second, 0xA0, 0xBF);
    if (first == 0xED)
        return is_between(second, 0x80, 0x9F);
    if (first == 0xF0)
        return is_between(second, 0x90, 0xBF);
    if (first == 0xF4)
        return is_between(second, 0x80, 0x8F);
    return is_between(second, 0x80, 0xBF);
}

static size_t char_len(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (is_between(first, 0xC2, 0xDF))
        return 2;
    if (is_between(first, 0xE0, 0xEF))
        return 3;
    return is_between(first, 0xF0, 0xF4) ? 4 : 0;
}

size_t bytes_utf8_char(struct bytes text)
{
    if (text.len == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)text.data;
    size_t len = char_len(p[0]);
    if (len <= 1)
        return len;
    if (text.len < len || !is_second_byte(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_between(p[i], 0x80, 0xBF))
            return 0;
    return len;
}

static size_t ascii_prefix(struct bytes text)
{
    size_t at = 0;
    uint64_t eight;
    while (text.len - at >= sizeof(eight)) {
        memcpy(&eight, text.data + at, sizeof(eight));
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
        at += sizeof(eight);
    }
    return at;
}

bool bytes_is_utf8(struct bytes text)
{
    while (text.len > 0) {
        size_t len = ascii_prefix(text);
        if (len == 0)
            len = bytes_utf8_char(text);
        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

struct bytes bytes_cut_utf8(struct bytes text, size_t max)
{
    if (text.len <= max)
        return text;
    size_t len = max;
    while (len > 0 && ((unsigned char)text.data[len] & 0xC0U) == 0x80U)
        len--;
    return (struct bytes){text.data, len};
}

bool bytes_get_int64(struct bytes text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.len)
        return false;

    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (; at < text.len; at++) {
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.data[at] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (!negative)
        *out = (int64_t)value;
    else
        *out = value == limit ? INT64_MIN : -(int64_t)value;
    return true;
}
