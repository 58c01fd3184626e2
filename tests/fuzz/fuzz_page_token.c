/*
 * fuzz_page_token: any text as the page token of each list.
 *
 * What is accepted goes on behind a row, the token that is made of that row means the same, and no
 * other list takes it.
 */
#include "services/store/page_token.h"
#include "tests/fuzz/fuzz.h"

#define CHAT INT64_C(-5)
#define LISTS 5

static bool is_refused(const struct err *err)
{
    return err->kind == ERR_REJECT &&
           strcmp(err->text, "page_token: not a token of this list") == 0;
}

static bool take_id(struct bytes token, enum page_list list)
{
    int64_t after = 7;
    struct err err = {0};
    if (!page_token_parse_id(token, list, &after, &err)) {
        DEMAND(is_refused(&err) && after == 7);
        return false;
    }
    char text[PAGE_TOKEN_MAX];
    int64_t again = 0;
    DEMAND(token.len > 0 || after == INT64_MIN);
    page_token_put_id(list, after, text);
    DEMAND(page_token_parse_id(bytes_of_text(text), list, &again, &err) && again == after);
    return true;
}

static bool take_download(struct bytes token, enum page_list list)
{
    struct read_after after = {.time = 7};
    struct err err = {0};
    if (!page_token_parse_download(token, list, CHAT, &after, &err)) {
        DEMAND(is_refused(&err) && after.time == 7);
        return false;
    }
    char text[PAGE_TOKEN_MAX];
    struct read_after again = {0};
    page_token_put_download(list, CHAT, &after, text);
    DEMAND(page_token_parse_download(bytes_of_text(text), list, CHAT, &again, &err));
    DEMAND(again.is_unknown == after.is_unknown && again.pk_id == after.pk_id);
    DEMAND(after.is_unknown || again.time == after.time);
    DEMAND(!page_token_parse_download(bytes_of_text(text), list, CHAT + 1, &again, &err));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes token = fuzz_bytes(data, size);
    int taken = 0;
    for (int list = 0; list < LISTS; list++) {
        bool is_of_ids = list == PAGE_USER_IDS || list == PAGE_USERS;
        taken += (is_of_ids ? take_id(token, (enum page_list)list)
                            : take_download(token, (enum page_list)list))
                     ? 1
                     : 0;
    }
    DEMAND(size == 0 ? taken == LISTS : taken <= 1);
    return 0;
}
