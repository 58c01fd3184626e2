#include "libs/wire/decimal.h"

size_t decimal_write(int64_t number, char out[DECIMAL_MAX])
{
    char reversed[DECIMAL_MAX];
    size_t digits = 0;
    size_t len = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        reversed[digits++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        out[len++] = '-';
    while (digits > 0)
        out[len++] = reversed[--digits];
    return len;
}

void decimal_write_padded(int32_t number, size_t digits, char *out)
{
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}
