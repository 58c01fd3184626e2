/*
 * fuzz_page_query: any text as the arguments of a request of the status page.
 *
 * What is accepted is the same text when it is joined again, every name is there once, and each
 * argument is either taken or told of.
 */
#include "services/store/page/page_query.h"
#include "tests/fuzz/fuzz.h"

static void demand_same(const struct page_query *query, struct bytes text)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct page_argument *argument = &query->arguments[i];
        DEMAND(bytes_equal(fuzz_cut(&text, '='), argument->name));
        DEMAND(bytes_equal(fuzz_cut(&text, '&'), argument->value));
        for (size_t j = 0; j < i; j++)
            DEMAND(!bytes_equal(query->arguments[j].name, argument->name));
    }
    DEMAND(text.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const WORDS[] = {"hour", "day", NULL};
    const struct page_numbers numbers = {"n", -9, 9};
    struct page_query query = {.count = 77};
    struct err err = {0};
    char *copy = fuzz_copy(fuzz_bytes(data, size));
    struct bytes text = {copy, size};
    if (!page_query_parse(text, &query, &err)) {
        DEMAND(err.kind == ERR_REJECT && query.count == 77);
        free(copy);
        return 0;
    }
    demand_same(&query, text);
    int64_t number = 0;
    int word = -1;
    bool is_right = page_query_number(&query, &numbers, &number, &err) &&
                    page_query_word(&query, "w", WORDS, &word, &err);
    DEMAND(number >= -9 && number <= 9 && word >= -1 && word <= 1);
    size_t taken = 0;
    for (size_t i = 0; i < query.count; i++)
        taken += query.arguments[i].is_taken ? 1 : 0;
    if (is_right)
        DEMAND(page_query_end(&query, &err) == (taken == query.count));
    free(copy);
    return 0;
}
