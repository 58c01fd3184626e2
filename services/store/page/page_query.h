/*
 * page_query: the arguments of a request of the status page, `name=value` joined by '&'.
 *
 * Strict, because the page is the only one that asks: names and values are of A-Z a-z 0-9 _ . -
 * alone, no name comes twice, and one that nobody took is refused. All refusals are ERR_REJECT and
 * name the argument. Pure; views point into the query.
 */
#ifndef SERVICES_STORE_PAGE_PAGE_QUERY_H
#define SERVICES_STORE_PAGE_PAGE_QUERY_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define PAGE_QUERY_MAX 8 /* arguments */

struct page_argument {
    struct bytes name, value;
    bool is_taken;
};

struct page_query {
    struct page_argument arguments[PAGE_QUERY_MAX];
    size_t count;
};

MUST_CHECK bool page_query_parse(struct bytes query, struct page_query *out, struct err *err);

/* A number from min to max; *out is left as it is when the argument is absent. */
struct page_numbers {
    const char *name;
    int64_t min, max;
};
MUST_CHECK bool page_query_number(struct page_query *query, const struct page_numbers *numbers,
                                  int64_t *out, struct err *err);

/* One of the words, ended by NULL; *out is its number, or as it is when the argument is absent. */
MUST_CHECK bool page_query_word(struct page_query *query, const char *name,
                                const char *const *words, int *out, struct err *err);

/* Every argument was taken. */
MUST_CHECK bool page_query_end(const struct page_query *query, struct err *err);

#endif
