#include "libs/rpc/text.h"

#include "libs/base/mem.h"

#define TIMEOUT_DIGITS_MAX 8U /* by the protocol; so no sum here can overflow */

/* Microseconds of a unit, 0 for an unknown one. Nanoseconds are apart, they are less than one. */
static int64_t unit_us(char unit)
{
    switch (unit) {
    case 'H':
        return INT64_C(3600000000);
    case 'M':
        return INT64_C(60000000);
    case 'S':
        return INT64_C(1000000);
    case 'm':
        return INT64_C(1000);
    case 'u':
        return INT64_C(1);
    default:
        return 0;
    }
}

bool rpc_timeout_parse(struct bytes text, int64_t *out_ms)
{
    if (text.len < 2 || text.len > TIMEOUT_DIGITS_MAX + 1)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        char digit = text.data[i];
        if (digit < '0' || digit > '9')
            return false;
        value = value * 10 + (digit - '0');
    }
    char unit = text.data[text.len - 1];
    if (unit == 'n') {
        *out_ms = (value + 999999) / 1000000;
        return true;
    }
    int64_t scale = unit_us(unit);
    if (scale == 0)
        return false;
    *out_ms = (value * scale + 999) / 1000;
    return true;
}

/* Shorten without splitting a UTF-8 character; other bytes may be split anywhere. */
static struct bytes cut(struct bytes text)
{
    if (text.len <= RPC_STATUS_TEXT_MAX)
        return text;
    size_t len = RPC_STATUS_TEXT_MAX;
    while (len > RPC_STATUS_TEXT_MAX - 4 && ((unsigned char)text.data[len] & 0xC0U) == 0x80U)
        len--;
    return (struct bytes){text.data, len};
}

char *rpc_percent_encode(struct bytes text)
{
    static const char HEX[] = "0123456789ABCDEF";
    text = cut(text);
    char *out = mem_alloc(text.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x20 && byte <= 0x7E && byte != '%') {
            out[len++] = (char)byte;
            continue;
        }
        out[len++] = '%';
        out[len++] = HEX[byte >> 4U];
        out[len++] = HEX[byte & 15U];
    }
    out[len] = '\0';
    return out;
}
