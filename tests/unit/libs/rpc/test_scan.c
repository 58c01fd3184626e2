#include "libs/rpc/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <telefact/gateway/v1/publish_service.pb-c.h>

#define HEAP_MAX 100000U

static const ProtobufCMessageDescriptor *const TYPE =
    &telefact__gateway__v1__publish_request__descriptor;

static bool scan(struct bytes message, struct err *err)
{
    return rpc_scan(TYPE, message, HEAP_MAX, err);
}

static void good_messages_pass(void **state)
{
    (void)state;
    const struct bytes cases[] = {
        {NULL, 0},
        BYTES_LITERAL("\x0a\x00"), /* one empty event */
        BYTES_LITERAL("\x0a\x05\x0a\x03"
                      "key"),                      /* its idempotency key */
        BYTES_LITERAL("\x0a\x04\x0a\x02\xc3\xa4"), /* in UTF-8 */
        BYTES_LITERAL("\x0a\x02\x12\x00"),         /* an event in it */
        BYTES_LITERAL("\xa2\x06\x02\x00\xff"),     /* an unknown field of bytes */
        BYTES_LITERAL("\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* and of a number */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_true(scan(cases[i], &err));
        assert_int_equal(err.kind, 0);
    }
}

static void what_protobuf_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct bytes cases[] = {
        BYTES_LITERAL("\x0a"),             /* no length */
        BYTES_LITERAL("\x0a\x01"),         /* longer than the rest */
        BYTES_LITERAL("\x0a\x02\x0a\x01"), /* longer than its message */
        BYTES_LITERAL("\xff"),             /* half a key */
        BYTES_LITERAL("\x02\x00"),         /* field 0 */
        BYTES_LITERAL("\x0b"),             /* a group */
        BYTES_LITERAL("\x0f"),             /* a wire type that does not exist */
        BYTES_LITERAL("\x09"
                      "1234567"),
        BYTES_LITERAL("\x0d"
                      "123"),
        BYTES_LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        BYTES_LITERAL("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_false(scan(cases[i], &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_string_equal(err.text, "request is not a telefact.gateway.v1.PublishRequest");
    }
}

static void strings_are_utf8_without_nul(void **state)
{
    (void)state;
    const struct bytes cases[] = {
        BYTES_LITERAL("\x0a\x05\x0a\x03"
                      "k\0y"),
        BYTES_LITERAL("\x0a\x03\x0a\x01\xff"),
        BYTES_LITERAL("\x0a\x05\x0a\x03\xed\xa0\x80"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_false(scan(cases[i], &err));
        assert_string_equal(err.text, "events[0].idempotency_key: must be UTF-8 without NUL");
    }
}

static void small_input_cannot_take_much_memory(void **state)
{
    (void)state;
    char bomb[20000];
    struct err err = {0};
    for (size_t i = 0; i < sizeof(bomb); i += 2)
        memcpy(bomb + i, "\x0a\x00", 2);
    assert_true(scan((struct bytes){bomb, 200}, &err));
    assert_false(scan((struct bytes){bomb, sizeof(bomb)}, &err));
    assert_string_equal(err.text, "request has too many parts");
    for (size_t i = 0; i < sizeof(bomb); i += 2)
        memcpy(bomb + i, "\x20\x01", 2); /* unknown fields are kept, too */
    assert_false(scan((struct bytes){bomb, sizeof(bomb)}, &err));
}

struct heap {
    size_t used;
    size_t most;
};

static void *heap_alloc(void *self, size_t size)
{
    struct heap *heap = self;
    void *pointer = malloc(size);
    assert_non_null(pointer);
    heap->used += malloc_usable_size(pointer);
    heap->most = heap->used > heap->most ? heap->used : heap->most;
    return pointer;
}

static void heap_free(void *self, void *pointer)
{
    struct heap *heap = self;
    heap->used -= malloc_usable_size(pointer);
    free(pointer);
}

/* The largest message of such parts that passes. */
static size_t fill(char *message, size_t size, struct bytes part)
{
    struct err err = {0};
    size_t len = 0;
    for (; len + part.len <= size; len += part.len)
        memcpy(message + len, part.data, part.len);
    while (!scan((struct bytes){message, len}, &err))
        len -= part.len;
    return len;
}

static void what_passes_takes_no_more_memory_than_promised(void **state)
{
    (void)state;
    static char message[40000];
    const struct bytes parts[] = {
        BYTES_LITERAL("\x0a\x00"),         /* elements */
        BYTES_LITERAL("\x20\x01"),         /* unknown numbers */
        BYTES_LITERAL("\x22\x00"),         /* unknown bytes */
        BYTES_LITERAL("\x0a\x02\x0a\x00"), /* elements with a text */
        BYTES_LITERAL("\x0a\x02\x12\x00"), /* elements with a message */
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct heap heap = {0};
        ProtobufCAllocator allocator = {heap_alloc, heap_free, &heap};
        size_t len = fill(message, sizeof(message), parts[i]);
        assert_true(len > 0 && len < sizeof(message));
        ProtobufCMessage *unpacked =
            protobuf_c_message_unpack(TYPE, &allocator, len, (const uint8_t *)message);
        assert_non_null(unpacked);
        assert_true(heap.most <= HEAP_MAX + len);
        protobuf_c_message_free_unpacked(unpacked, &allocator);
    }
}

/* A type that holds itself, as none of ours does. */
static const ProtobufCFieldDescriptor NEST_FIELD;
static const unsigned NEST_BY_NAME[] = {0};
static const ProtobufCIntRange NEST_RANGES[] = {{1, 0}, {0, 1}};
static const ProtobufCMessageDescriptor NEST = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "Nest",
    .short_name = "Nest",
    .sizeof_message = sizeof(ProtobufCMessage),
    .n_fields = 1,
    .fields = &NEST_FIELD,
    .fields_sorted_by_name = NEST_BY_NAME,
    .n_field_ranges = 1,
    .field_ranges = NEST_RANGES,
};
static const ProtobufCFieldDescriptor NEST_FIELD = {
    .name = "nest", .id = 1, .type = PROTOBUF_C_TYPE_MESSAGE, .descriptor = &NEST};

static void recursion_is_bounded(void **state)
{
    (void)state;
    char nested[60];
    for (size_t i = 0; i < sizeof(nested); i += 2) {
        nested[i] = '\x0a';
        nested[i + 1] = (char)(sizeof(nested) - i - 2);
    }
    struct err err = {0};
    assert_false(rpc_scan(&NEST, (struct bytes){nested, sizeof(nested)}, HEAP_MAX, &err));
    assert_string_equal(err.text, "request is nested too deep");
    assert_true(rpc_scan(&NEST, (struct bytes){nested + 36, 24}, HEAP_MAX, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_messages_pass),
        cmocka_unit_test(what_protobuf_cannot_be_is_refused),
        cmocka_unit_test(strings_are_utf8_without_nul),
        cmocka_unit_test(small_input_cannot_take_much_memory),
        cmocka_unit_test(what_passes_takes_no_more_memory_than_promised),
        cmocka_unit_test(recursion_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
