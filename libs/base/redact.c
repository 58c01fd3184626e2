#include "libs/base/redact.h"

#include <stdbool.h>
#include <string.h>

#define ID_DIGITS_MIN 6
#define SECRET_CHARS_MIN 35

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_secret_char(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

static size_t separator_len(const char *text, size_t len)
{
    if (len >= 1 && text[0] == ':')
        return 1;
    if (len >= 3 && text[0] == '%' && text[1] == '3' && (text[2] == 'A' || text[2] == 'a'))
        return 3;
    return 0;
}

static size_t secret_len(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && is_secret_char(text[at]))
        at++;
    return at;
}

/* With `cut`, a token whose end is missing counts as soon as one character of its secret is there.
 */
static size_t token_len(const char *text, size_t len, bool cut)
{
    size_t at = 0;
    while (at < len && is_digit(text[at]))
        at++;
    if (at < ID_DIGITS_MIN)
        return 0;

    size_t separator = separator_len(text + at, len - at);
    size_t secret = at + separator;
    at = secret + secret_len(text + secret, len - secret);
    size_t secret_min = cut && at == len ? 1 : SECRET_CHARS_MIN;
    if (separator == 0 || at - secret < secret_min)
        return 0;
    /* What looks like a token may end in the id of the real one: hide what follows like a secret.
     */
    while ((separator = separator_len(text + at, len - at)) > 0)
        at += separator + secret_len(text + at + separator, len - at - separator);
    return at;
}

size_t redact_token_len(const char *text, size_t len)
{
    return token_len(text, len, false);
}

size_t redact_tokens(char *text, size_t len)
{
    if (memchr(text, ':', len) == NULL && memchr(text, '%', len) == NULL)
        return len;

    size_t to = 0;
    size_t from = 0;
    while (from < len) {
        bool starts_number = is_digit(text[from]) && (from == 0 || !is_digit(text[from - 1]));
        size_t token = starts_number ? token_len(text + from, len - from, true) : 0;
        if (token == 0) {
            text[to++] = text[from++];
            continue;
        }
        /* The shortest cut token ("123456:x") is longer than its replacement. */
        memcpy(text + to, REDACTED, strlen(REDACTED));
        to += strlen(REDACTED);
        from += token;
    }
    return to;
}
