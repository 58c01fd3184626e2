#include "libs/rpc/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/telefact-tokens.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static bool load(const char *content, struct rpc_tokens *out, struct err *err)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return rpc_tokens_load(path, out, err);
}

static void lines_are_tokens(void **state)
{
    (void)state;
    struct rpc_tokens tokens = {0};
    struct err err = {0};
    assert_true(
        load("# comment\n\n  0123456789abcdef \r\n\tanother-token-of-20\n#x\nlast-has-no-line-end",
             &tokens, &err));
    assert_int_equal(tokens.count, 3);
    assert_true(bytes_equal(tokens.items[0], BYTES_LITERAL("0123456789abcdef")));
    assert_true(bytes_equal(tokens.items[1], BYTES_LITERAL("another-token-of-20")));
    assert_true(bytes_equal(tokens.items[2], BYTES_LITERAL("last-has-no-line-end")));
    rpc_tokens_done(&tokens);
    rpc_tokens_done(&tokens);
}

static void wrong_files_are_refused_without_telling_a_token(void **state)
{
    (void)state;
    const struct {
        const char *content;
        const char *text;
    } cases[] = {
        {"", "no token"},
        {"\n# only a comment\n", "no token"},
        {"0123456789abcdef\nsecret-of-15-by\n", "line 2 is shorter than 16"},
        {"secret with blanks in it\n", "line 1 has other"},
        {"secret-with-\xc3\xa4-umlaut\n", "line 1 has other"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rpc_tokens tokens = {0};
        struct err err = {0};
        assert_false(load(cases[i].content, &tokens, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_null(strstr(err.text, "secret"));
        assert_null(tokens.items);
    }
}

static void a_nul_is_no_blank(void **state)
{
    (void)state;
    struct rpc_tokens tokens = {0};
    struct err err = {0};
    assert_false(rpc_tokens_parse(BYTES_LITERAL("0123456789abcdef\0\n"), &tokens, &err));
    assert_non_null(strstr(err.text, "line 1 has other"));
    assert_false(rpc_tokens_parse(BYTES_LITERAL("\0\n0123456789abcdef"), &tokens, &err));
    assert_null(tokens.items);
}

static void no_path_is_no_tokens_but_a_missing_file_is_a_fault(void **state)
{
    (void)state;
    struct rpc_tokens tokens = {0};
    struct err err = {0};
    assert_true(rpc_tokens_load("", &tokens, &err));
    assert_int_equal(tokens.count, 0);
    assert_false(rpc_tokens_load("/nowhere/tokens", &tokens, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_false(rpc_tokens_load("/tmp", &tokens, &err));
}

static void a_token_of_two_files_is_noticed(void **state)
{
    (void)state;
    struct bytes mine[] = {BYTES_LITERAL("first-token-of-two"),
                           BYTES_LITERAL("second-token-of-two")};
    struct bytes theirs[] = {BYTES_LITERAL("another-token-of-two"), mine[1]};
    struct rpc_tokens a = {mine, 2};
    assert_true(rpc_tokens_share(&a, &(struct rpc_tokens){theirs, 2}));
    assert_false(rpc_tokens_share(&a, &(struct rpc_tokens){theirs, 1}));
    assert_false(rpc_tokens_share(&a, &(struct rpc_tokens){NULL, 0}));
}

static void loopback_addresses_are_known(void **state)
{
    (void)state;
    static const char *const LOOPBACK[] = {"127.0.0.1:1", "127.8.9.1:50051", "localhost:0",
                                           "[::1]:1"};
    static const char *const OTHERS[] = {
        "0.0.0.0:1",   ":1",        "[::]:1",           "10.0.0.1:1",
        "128.0.0.1:1", "example:1", "127.0.0.1.evil:1", ""};
    for (size_t i = 0; i < sizeof(LOOPBACK) / sizeof(LOOPBACK[0]); i++)
        assert_true(rpc_listen_is_loopback(LOOPBACK[i]));
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        assert_false(rpc_listen_is_loopback(OTHERS[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_tokens),
        cmocka_unit_test(wrong_files_are_refused_without_telling_a_token),
        cmocka_unit_test(a_nul_is_no_blank),
        cmocka_unit_test(no_path_is_no_tokens_but_a_missing_file_is_a_fault),
        cmocka_unit_test(a_token_of_two_files_is_noticed),
        cmocka_unit_test(loopback_addresses_are_known),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
