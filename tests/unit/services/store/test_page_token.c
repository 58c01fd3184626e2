#include "services/store/page_token.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHAT (-1001234567890)

static const int64_t NUMBERS[] = {INT64_MIN, -1001234567890, -1, 0, 1, INT64_MAX};
#define NUMBER_COUNT (sizeof(NUMBERS) / sizeof(NUMBERS[0]))

static void a_token_of_ids_reads_back_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        int64_t back = 5;
        struct err err;
        char text[PAGE_TOKEN_MAX];
        page_token_put_id(PAGE_USERS, NUMBERS[i], text);
        assert_true(page_token_parse_id(bytes_of_text(text), PAGE_USERS, &back, &err));
        assert_true(back == NUMBERS[i]);
    }
}

static void a_token_of_downloads_reads_back_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * NUMBER_COUNT; i++) {
        struct read_after after = {.is_unknown = i >= NUMBER_COUNT,
                                   .time = NUMBERS[i % NUMBER_COUNT],
                                   .pk_id = NUMBERS[(i + 1) % NUMBER_COUNT]};
        struct read_after back = {0};
        struct err err;
        char text[PAGE_TOKEN_MAX];
        page_token_put_download(PAGE_USER_VIDEOS, NUMBERS[i % NUMBER_COUNT], &after, text);
        assert_true(page_token_parse_download(bytes_of_text(text), PAGE_USER_VIDEOS,
                                              NUMBERS[i % NUMBER_COUNT], &back, &err));
        assert_true(back.is_unknown == after.is_unknown && back.pk_id == after.pk_id);
        assert_true(after.is_unknown || back.time == after.time);
    }
}

static void the_longest_token_is_whole(void **state)
{
    (void)state;
    struct read_after after = {.time = INT64_MIN, .pk_id = INT64_MIN};
    char text[PAGE_TOKEN_MAX];
    page_token_put_download(PAGE_USER_VIDEOS, INT64_MIN, &after, text);
    assert_string_equal(text, "downloads:-9223372036854775808:-9223372036854775808:"
                              "-9223372036854775808");
}

static void no_token_is_the_beginning(void **state)
{
    (void)state;
    int64_t after_id = 5;
    struct read_after after = {.time = 7, .pk_id = 8};
    struct err err;
    assert_true(page_token_parse_id((struct bytes){NULL, 0}, PAGE_USER_IDS, &after_id, &err));
    assert_true(after_id == INT64_MIN);
    assert_true(page_token_parse_download((struct bytes){NULL, 0}, PAGE_PERIOD, 0, &after, &err));
    assert_true(after.time == 7 && after.pk_id == 8 && !after.is_unknown);
}

static void a_foreign_token_of_ids_is_refused(void **state)
{
    (void)state;
    static const char *const TOKENS[] = {"a",        "after",   "after:", "before:5", "after:x",
                                         "after:5 ", "users:5", ":5",     ":",        "after:5:6"};
    for (size_t i = 0; i < sizeof(TOKENS) / sizeof(TOKENS[0]); i++) {
        int64_t after_id = 0;
        struct err err = {0};
        assert_false(page_token_parse_id(bytes_of_text(TOKENS[i]), PAGE_USER_IDS, &after_id, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_memory_equal(err.text, "page_token: ", 12);
    }
}

static void a_foreign_token_of_downloads_is_refused(void **state)
{
    (void)state;
    static const char *const TOKENS[] = {
        "a",           "period",       "period:0",      "period:0:5",     "period:0:5:",
        "period:0::5", "period:0:5:x", "period:1:5:6",  "history:0:5:6",  "downloads:0:5:6",
        "after:5",     ":0:5:6",       "period:0:5:6 ", "period:0:5:6:7", "period:0:--:6",
        "period::5:6", "period:0:- :6"};
    for (size_t i = 0; i < sizeof(TOKENS) / sizeof(TOKENS[0]); i++) {
        struct read_after after = {.time = 7};
        struct err err = {0};
        assert_false(
            page_token_parse_download(bytes_of_text(TOKENS[i]), PAGE_PERIOD, 0, &after, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_true(after.time == 7);
    }
}

static void another_chats_token_is_refused(void **state)
{
    (void)state;
    struct read_after after = {.time = 5, .pk_id = 6};
    struct err err = {0};
    char text[PAGE_TOKEN_MAX];
    page_token_put_download(PAGE_USER_VIDEOS, CHAT, &after, text);
    assert_false(
        page_token_parse_download(bytes_of_text(text), PAGE_USER_VIDEOS, CHAT + 1, &after, &err));
    assert_int_equal(err.kind, ERR_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_ids_reads_back_as_written),
        cmocka_unit_test(a_token_of_downloads_reads_back_as_written),
        cmocka_unit_test(the_longest_token_is_whole),
        cmocka_unit_test(no_token_is_the_beginning),
        cmocka_unit_test(a_foreign_token_of_ids_is_refused),
        cmocka_unit_test(a_foreign_token_of_downloads_is_refused),
        cmocka_unit_test(another_chats_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
