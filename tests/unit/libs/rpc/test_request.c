#include "libs/rpc/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void header(struct rpc_request *request, const char *name, const char *value)
{
    rpc_request_header(request, bytes_of_text(name), bytes_of_text(value));
}

static void the_headers_of_a_call_are_understood(void **state)
{
    (void)state;
    struct rpc_request request;
    rpc_request_init(&request, 1000, 100);
    assert_int_equal(request.timeout_ms, RPC_NO_TIMEOUT);
    header(&request, ":method", "POST");
    header(&request, "content-type", "application/grpc");
    header(&request, "grpc-timeout", "2S");
    header(&request, "x-own", "value");
    assert_true(request.is_post && request.is_grpc);
    assert_false(request.is_over || request.is_timeout_bad);
    assert_int_equal(request.timeout_ms, 2000);
    assert_true(bytes_equal(rpc_headers_find(&request.headers, BYTES_LITERAL("x-own")),
                            BYTES_LITERAL("value")));
    rpc_request_done(&request);
}

static void content_types_are_told_apart(void **state)
{
    (void)state;
    const struct {
        const char *type;
        bool is_grpc;
    } cases[] = {
        {"application/grpc", true},
        {"application/grpc+proto", true},
        {"application/grpc;v=1", true},
        {"application/grpc+proto;v=1", true},
        {"application/grpc+json", false},
        {"application/grpc-web", false},
        {"application/grp", false},
        {"application/json", false},
        {"", false},
        {"application/grpc+protobuf", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rpc_request request;
        rpc_request_init(&request, 1000, 100);
        header(&request, "content-type", cases[i].type);
        assert_int_equal(request.is_grpc, cases[i].is_grpc);
        rpc_request_done(&request);
    }
}

static void the_list_is_counted_as_http2_counts(void **state)
{
    (void)state;
    struct rpc_request request;
    rpc_request_init(&request, 2 * (size_t)(1 + 3 + RPC_HEADER_OVERHEAD), 100);
    header(&request, "a", "123");
    header(&request, "b", "123");
    assert_false(request.is_over);
    header(&request, "c", "");
    assert_true(request.is_over);
    header(&request, ":method", "POST");
    assert_false(request.is_post);
    rpc_request_done(&request);
}

static void a_token_is_judged_and_forgotten(void **state)
{
    (void)state;
    static const struct bytes TOKEN = {"0123456789abcdef", 16};
    struct rpc_auth auth;
    rpc_auth_init(&auth, &TOKEN, 1);
    struct rpc_request request;
    rpc_request_init(&request, 1000, 100);
    header(&request, "authorization", "Bearer 0123456789abcdef");
    assert_true(rpc_auth_is_accepted(&auth, &request.credential));
    assert_int_equal(request.headers.flat.len, 0);
    header(&request, "authorization", "Bearer x");
    assert_false(rpc_auth_is_accepted(&auth, &request.credential));
    rpc_request_done(&request);
    rpc_auth_done(&auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_headers_of_a_call_are_understood),
        cmocka_unit_test(content_types_are_told_apart),
        cmocka_unit_test(the_list_is_counted_as_http2_counts),
        cmocka_unit_test(a_token_is_judged_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
