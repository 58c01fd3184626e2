#include "libs/ops/accept.h"

#include <strings.h>

#define QUALITY_MAX 1000 /* a quality is told in thousandths */

struct choice {
    struct bytes type;
    struct bytes version; /* data NULL: any */
    int quality;
};

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = (struct bytes){text.data + 1, text.len - 1};
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* What stands before the first `end`, or all; it is cut off `rest`. */
static struct bytes cut(struct bytes *rest, char end)
{
    if (rest->len == 0)
        return (struct bytes){NULL, 0};
    const char *at = memchr(rest->data, end, rest->len);
    struct bytes part = {rest->data, at == NULL ? rest->len : (size_t)(at - rest->data)};
    size_t used = at == NULL ? rest->len : part.len + 1;
    *rest = (struct bytes){rest->data + used, rest->len - used};
    return trim(part);
}

static bool is_word(struct bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* "1", "0.25": at most three digits behind the point. 0: not a quality. */
static int read_quality(struct bytes text)
{
    int quality = 0;
    int unit = QUALITY_MAX;
    for (size_t i = 0; i < text.len; i++) {
        bool is_point = i == 1;
        char c = text.data[i];
        if (is_point ? c != '.' : c < '0' || c > '9' || unit == 0)
            return 0;
        if (is_point)
            continue;
        quality += (c - '0') * unit;
        unit /= 10;
    }
    return quality > QUALITY_MAX ? 0 : quality;
}

static struct choice read_choice(struct bytes text)
{
    struct choice choice = {.type = cut(&text, ';'), .quality = QUALITY_MAX};
    while (text.len > 0) {
        struct bytes value = cut(&text, ';');
        struct bytes name = cut(&value, '=');
        value = trim(value);
        if (is_word(name, "q"))
            choice.quality = read_quality(value);
        else if (is_word(name, "version"))
            choice.version = value;
    }
    return choice;
}

static bool is_openmetrics(const struct choice *choice)
{
    return is_word(choice->type, "application/openmetrics-text") &&
           (choice->version.data == NULL || is_word(choice->version, "1.0.0"));
}

static bool is_text(const struct choice *choice)
{
    return is_word(choice->type, "text/plain") || is_word(choice->type, "text/*") ||
           is_word(choice->type, "*/*");
}

bool accept_prefers_openmetrics(struct bytes header)
{
    int openmetrics = 0;
    int text = 0;
    while (header.len > 0) {
        struct choice choice = read_choice(cut(&header, ','));
        if (is_openmetrics(&choice) && choice.quality > openmetrics)
            openmetrics = choice.quality;
        else if (is_text(&choice) && choice.quality > text)
            text = choice.quality;
    }
    return openmetrics > 0 && openmetrics >= text;
}
