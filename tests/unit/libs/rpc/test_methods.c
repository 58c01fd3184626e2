#include "libs/rpc/methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <telefact/gateway/v1/publish_service.pb-c.h>
#include <telefact/store/v1/read_service.pb-c.h>

static void handle(void *self, struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)self;
    (void)call;
    (void)request;
}

static void every_method_is_found_by_its_path_only(void **state)
{
    (void)state;
    const ProtobufCServiceDescriptor *read = &telefact__store__v1__read_service__descriptor;
    const ProtobufCServiceDescriptor *publish = &telefact__gateway__v1__publish_service__descriptor;
    rpc_handler_fn handlers[32] = {handle};
    assert_true(read->n_methods < 32);
    static const struct bytes TOKEN = {"0123456789abcdef", 16};
    const struct rpc_service services[] = {
        {.descriptor = read, .handlers = handlers, .self = handlers},
        {.descriptor = publish,
         .handlers = handlers,
         .tokens = &TOKEN,
         .token_count = 1,
         .endless = 1},
    };
    struct rpc_methods methods;
    rpc_methods_init(&methods, services, 2);
    assert_int_equal(methods.count, read->n_methods + publish->n_methods);

    const struct rpc_method *method =
        rpc_methods_find(&methods, BYTES_LITERAL("/telefact.store.v1.ReadService/GetUser"));
    assert_non_null(method);
    assert_string_equal(method->label, "telefact.store.v1.ReadService/GetUser");
    assert_ptr_equal(method->input, &telefact__store__v1__get_user_request__descriptor);
    assert_true(method->handler == handle);
    assert_ptr_equal(method->self, handlers);
    method = rpc_methods_find(&methods, BYTES_LITERAL("/telefact.store.v1.ReadService/GetUserIds"));
    assert_true(method != NULL && method->handler == NULL);
    assert_true(method != NULL && method->auth == 0 && !method->is_endless);
    method =
        rpc_methods_find(&methods, BYTES_LITERAL("/telefact.gateway.v1.PublishService/Publish"));
    assert_true(method != NULL && method->auth == 2 && method->is_endless);

    static const char *const UNKNOWN[] = {"",
                                          "/",
                                          "/telefact.store.v1.ReadService/GetUse",
                                          "/telefact.store.v1.ReadService/GetUserX",
                                          "telefact.store.v1.ReadService/GetUser",
                                          "/telefact.store.v1.ReadService/getuser",
                                          "~"};
    for (size_t i = 0; i < sizeof(UNKNOWN) / sizeof(UNKNOWN[0]); i++)
        assert_null(rpc_methods_find(&methods, bytes_of_text(UNKNOWN[i])));
    rpc_methods_done(&methods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_method_is_found_by_its_path_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
