#include "libs/rpc/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static size_t take(struct rpc_queue *queue, char *out, size_t room)
{
    return rpc_queue_take(queue, (uint8_t *)out, room);
}

static void messages_leave_framed_and_in_order(void **state)
{
    (void)state;
    struct rpc_queue queue;
    rpc_queue_init(&queue);
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("ab"));
    rpc_queue_put_bytes(&queue, BYTES_LITERAL(""));
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("c"));
    char out[32];
    assert_int_equal(rpc_queue_len(&queue), 18);
    assert_int_equal(take(&queue, out, sizeof(out)), 18);
    assert_memory_equal(out, "\0\0\0\0\2ab\0\0\0\0\0\0\0\0\0\1c", 18);
    assert_int_equal(rpc_queue_len(&queue), 0);
    assert_int_equal(take(&queue, out, sizeof(out)), 0);
    rpc_queue_done(&queue);
}

static void pieces_of_any_size_add_up_while_more_is_put(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        struct rpc_queue queue;
        rpc_queue_init(&queue);
        char wire[200 * 9];
        char piece[40];
        size_t len = 0;
        for (int i = 0; i < 200; i++) {
            rpc_queue_put_bytes(&queue, BYTES_LITERAL("text"));
            size_t taken = take(&queue, piece, step);
            memcpy(wire + len, piece, taken);
            len += taken;
        }
        for (size_t taken; (taken = take(&queue, piece, step)) > 0; len += taken)
            memcpy(wire + len, piece, taken);
        assert_int_equal(len, sizeof(wire));
        for (size_t i = 0; i < 200; i++)
            assert_memory_equal(wire + i * 9, "\0\0\0\0\4text", 9);
        rpc_queue_done(&queue);
    }
}

static void a_cut_leaves_the_message_that_is_on_its_way(void **state)
{
    (void)state;
    struct rpc_queue queue;
    rpc_queue_init(&queue);
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("first"));
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("second"));
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("third"));
    char out[64];
    assert_int_equal(take(&queue, out, 12), 12); /* two bytes into the second */
    rpc_queue_cut(&queue);
    assert_int_equal(take(&queue, out, sizeof(out)), 9);
    assert_memory_equal(out, "\0\0\6second", 9);
    rpc_queue_done(&queue);
}

static void a_cut_between_messages_leaves_nothing(void **state)
{
    (void)state;
    struct rpc_queue queue;
    rpc_queue_init(&queue);
    rpc_queue_cut(&queue);
    assert_int_equal(rpc_queue_len(&queue), 0);
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("first"));
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("second"));
    char out[64];
    assert_int_equal(take(&queue, out, 10), 10);
    rpc_queue_cut(&queue);
    assert_int_equal(rpc_queue_len(&queue), 0);
    assert_int_equal(take(&queue, out, sizeof(out)), 0);
    rpc_queue_put_bytes(&queue, BYTES_LITERAL("x"));
    assert_int_equal(take(&queue, out, sizeof(out)), 6);
    rpc_queue_done(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_framed_and_in_order),
        cmocka_unit_test(pieces_of_any_size_add_up_while_more_is_put),
        cmocka_unit_test(a_cut_leaves_the_message_that_is_on_its_way),
        cmocka_unit_test(a_cut_between_messages_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
