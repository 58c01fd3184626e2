/* Any bytes as the body of a unary request, in two pieces: what the scan lets through takes no more
 * memory than it promised, whether it unpacks or not. */
#include "libs/rpc/frame.h"
#include "libs/rpc/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <telefact/gateway/v1/publish_service.pb-c.h>

#define MESSAGE_MAX (1U << 16)
#define HEAP_MAX (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct heap {
    size_t used;
};

static void *count_alloc(void *self, size_t size)
{
    struct heap *heap = self;
    heap->used += size;
    return malloc(size);
}

static void count_free(void *self, void *pointer)
{
    (void)self;
    free(pointer);
}

static void check_unpacks(struct bytes message)
{
    struct err err = {0};
    const ProtobufCMessageDescriptor *type = &telefact__gateway__v1__publish_request__descriptor;
    if (!rpc_scan(type, message, HEAP_MAX, &err)) {
        assert(err.kind == ERR_REJECT);
        return;
    }
    struct heap heap = {0};
    ProtobufCAllocator allocator = {count_alloc, count_free, &heap};
    ProtobufCMessage *unpacked =
        protobuf_c_message_unpack(type, &allocator, message.len, (const uint8_t *)message.data);
    assert(heap.used <= HEAP_MAX + message.len);
    if (unpacked != NULL)
        protobuf_c_message_free_unpacked(unpacked, &allocator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rpc_frame frame;
    rpc_frame_init(&frame, MESSAGE_MAX);
    size_t half = len / 2;
    const char *text = (const char *)data;
    if (rpc_frame_put(&frame, (struct bytes){text, half}) == RPC_FRAME_FINE &&
        rpc_frame_put(&frame, (struct bytes){text + half, len - half}) == RPC_FRAME_FINE &&
        rpc_frame_is_whole(&frame))
        check_unpacks(buf_bytes(&frame.message));
    rpc_frame_done(&frame);
    return 0;
}
