#include "libs/rpc/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static enum rpc_frame_fault put(struct rpc_frame *frame, const char *data, size_t len)
{
    return rpc_frame_put(frame, (struct bytes){data, len});
}

static void a_message_is_taken_in_any_pieces(void **state)
{
    (void)state;
    static const char WIRE[] = "\0\0\0\0\7content";
    const size_t len = sizeof(WIRE) - 1;
    for (size_t step = 1; step <= len; step++) {
        struct rpc_frame frame;
        rpc_frame_init(&frame, 7);
        for (size_t at = 0; at < len; at += step) {
            assert_false(rpc_frame_is_whole(&frame));
            size_t piece = len - at < step ? len - at : step;
            assert_int_equal(put(&frame, WIRE + at, piece), RPC_FRAME_FINE);
        }
        assert_true(rpc_frame_is_whole(&frame));
        assert_true(bytes_equal(buf_bytes(&frame.message), BYTES_LITERAL("content")));
        rpc_frame_done(&frame);
    }
}

static void an_empty_message_is_whole_after_its_prefix(void **state)
{
    (void)state;
    struct rpc_frame frame;
    rpc_frame_init(&frame, 10);
    assert_int_equal(put(&frame, "", 0), RPC_FRAME_FINE);
    assert_false(rpc_frame_is_whole(&frame));
    assert_int_equal(put(&frame, "\0\0\0\0\0", 5), RPC_FRAME_FINE);
    assert_true(rpc_frame_is_whole(&frame));
    assert_int_equal(put(&frame, "", 0), RPC_FRAME_FINE);
    rpc_frame_done(&frame);
}

static void wrong_prefixes_are_faults(void **state)
{
    (void)state;
    const struct {
        const char *prefix;
        enum rpc_frame_fault fault;
    } cases[] = {
        {"\1\0\0\0\1", RPC_FRAME_COMPRESSED},        {"\2\0\0\0\1", RPC_FRAME_BAD_FLAG},
        {"\xff\0\0\0\1", RPC_FRAME_BAD_FLAG},        {"\0\0\0\0\x0b", RPC_FRAME_TOO_LARGE},
        {"\0\xff\xff\xff\xff", RPC_FRAME_TOO_LARGE}, {"\0\0\0\0\x0a", RPC_FRAME_FINE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rpc_frame frame;
        rpc_frame_init(&frame, 10);
        assert_int_equal(put(&frame, cases[i].prefix, 5), cases[i].fault);
        rpc_frame_done(&frame);
    }
}

static void bytes_after_the_message_are_a_fault(void **state)
{
    (void)state;
    struct rpc_frame frame;
    rpc_frame_init(&frame, 10);
    assert_int_equal(put(&frame, "\0\0\0\0\1ab", 7), RPC_FRAME_SECOND);
    rpc_frame_done(&frame);
    rpc_frame_init(&frame, 10);
    assert_int_equal(put(&frame, "\0\0\0\0\1a", 6), RPC_FRAME_FINE);
    assert_int_equal(put(&frame, "\0", 1), RPC_FRAME_SECOND);
    rpc_frame_done(&frame);
}

static void a_promised_length_takes_no_memory(void **state)
{
    (void)state;
    struct rpc_frame frame;
    rpc_frame_init(&frame, (size_t)1 << 30);
    assert_int_equal(put(&frame,
                         "\0\x3f\xff\xff\xff"
                         "a",
                         6),
                     RPC_FRAME_FINE);
    assert_true(frame.message.capacity < 4096);
    rpc_frame_done(&frame);
}

static void a_prefix_reads_as_it_was_written(void **state)
{
    (void)state;
    uint8_t prefix[RPC_FRAME_PREFIX];
    rpc_frame_write_prefix(prefix, 0x01020304);
    assert_memory_equal(prefix, "\0\1\2\3\4", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_taken_in_any_pieces),
        cmocka_unit_test(an_empty_message_is_whole_after_its_prefix),
        cmocka_unit_test(wrong_prefixes_are_faults),
        cmocka_unit_test(bytes_after_the_message_are_a_fault),
        cmocka_unit_test(a_promised_length_takes_no_memory),
        cmocka_unit_test(a_prefix_reads_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
