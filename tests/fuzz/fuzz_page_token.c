/*
 * fuzz_page_token: any text as the page token of a list of ids.
 *
 * What is accepted goes on behind an id, and the token that is made of that id means the same.
 */
#include "services/store/query.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes token = fuzz_bytes(data, size);
    int64_t after_id = 7;
    struct err err = {0};
    if (!query_page_parse(token, &after_id, &err)) {
        DEMAND(err.kind == ERR_REJECT && strcmp(err.text, "page_token: not a token of this "
                                                          "service") == 0);
        return 0;
    }
    char text[QUERY_PAGE_TOKEN_MAX];
    int64_t again = 0;
    DEMAND(size > 0 || after_id == INT64_MIN);
    query_page_text(after_id, text);
    DEMAND(query_page_parse(bytes_of_text(text), &again, &err) && again == after_id);

    /* The same but for leading zeros. */
    char *copy = fuzz_text(token);
    long long number = size == 0 ? INT64_MIN : strtoll(copy + strlen("after:"), NULL, 10);
    DEMAND(number == after_id);
    free(copy);
    return 0;
}
