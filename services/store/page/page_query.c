#include "services/store/page/page_query.h"

#include <inttypes.h>

static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-')
            return false;
    }
    return text.len > 0;
}

/* What stands before the first `end`, or all; it is cut off *rest. */
static struct bytes cut(struct bytes *rest, char end)
{
    const char *at = memchr(rest->data, end, rest->len);
    if (at == NULL) {
        struct bytes all = *rest;
        *rest = (struct bytes){rest->data + rest->len, 0};
        return all;
    }
    struct bytes part = {rest->data, (size_t)(at - rest->data)};
    *rest = (struct bytes){at + 1, rest->len - part.len - 1};
    return part;
}

static struct page_argument *find(struct page_query *query, struct bytes name)
{
    for (size_t i = 0; i < query->count; i++)
        if (bytes_equal(query->arguments[i].name, name))
            return &query->arguments[i];
    return NULL;
}

static bool add(struct page_query *query, struct bytes text, struct err *err)
{
    struct page_argument argument = {.name = cut(&text, '='), .value = text};
    if (!is_plain(argument.name) || !is_plain(argument.value))
        return err_set(err, ERR_REJECT, "query: not name=value of plain letters and digits");
    if (find(query, argument.name) != NULL)
        return err_set(err, ERR_REJECT, "query: an argument comes twice");
    if (query->count == PAGE_QUERY_MAX)
        return err_set(err, ERR_REJECT, "query: more than %d arguments", PAGE_QUERY_MAX);
    query->arguments[query->count++] = argument;
    return true;
}

bool page_query_parse(struct bytes query, struct page_query *out, struct err *err)
{
    struct page_query parsed = {0};
    while (query.len > 0) {
        bool is_last = memchr(query.data, '&', query.len) == NULL;
        if (!add(&parsed, cut(&query, '&'), err))
            return false;
        if (!is_last && query.len == 0)
            return err_set(err, ERR_REJECT, "query: ends in &");
    }
    *out = parsed;
    return true;
}

bool page_query_number(struct page_query *query, const struct page_numbers *numbers, int64_t *out,
                       struct err *err)
{
    struct page_argument *argument = find(query, bytes_of_text(numbers->name));
    int64_t number = 0;
    if (argument == NULL)
        return true;
    argument->is_taken = true;
    if (!bytes_get_int64(argument->value, &number) || number < numbers->min ||
        number > numbers->max)
        return err_set(err, ERR_REJECT, "%s: must be %" PRId64 " to %" PRId64, numbers->name,
                       numbers->min, numbers->max);
    *out = number;
    return true;
}

bool page_query_word(struct page_query *query, const char *name, const char *const *words, int *out,
                     struct err *err)
{
    struct page_argument *argument = find(query, bytes_of_text(name));
    if (argument == NULL)
        return true;
    argument->is_taken = true;
    for (int i = 0; words[i] != NULL; i++)
        if (bytes_equal(argument->value, bytes_of_text(words[i]))) {
            *out = i;
            return true;
        }
    return err_set(err, ERR_REJECT, "%s: not a known value", name);
}

bool page_query_end(const struct page_query *query, struct err *err)
{
    for (size_t i = 0; i < query->count; i++)
        if (!query->arguments[i].is_taken)
            return err_set(err, ERR_REJECT, "query: an argument that this does not take");
    return true;
}
