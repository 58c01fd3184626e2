/*
 * fuzz_rpc_request: any bytes as the body of a unary request, in two pieces.
 *
 * After an odd first byte the rest is a message, which is framed here, so that most inputs reach
 * the scan. What the scan lets through takes no more memory than it promised, whether it unpacks or
 * not, and unpacks as nothing but UTF-8; a refusal holds nothing of the message.
 */
#include "libs/rpc/frame.h"
#include "libs/rpc/scan.h"

#include "tests/fuzz/fuzz.h"

#include <stddef.h>
#include <telefact/gateway/v1/publish_service.pb-c.h>
#include <telefact/store/v1/read_service.pb-c.h>

#define MESSAGE_MAX (1U << 16)
#define HEAP_MAX (16U << 10)

struct heap {
    size_t used;
    size_t most;
};

static void *count_alloc(void *self, size_t size)
{
    struct heap *heap = self;
    size_t *block = malloc(sizeof(max_align_t) + size);
    DEMAND(block != NULL);
    *block = size;
    heap->used += size;
    heap->most = heap->used > heap->most ? heap->used : heap->most;
    return (char *)block + sizeof(max_align_t);
}

static void count_free(void *self, void *pointer)
{
    struct heap *heap = self;
    if (pointer == NULL)
        return;
    void *block = (char *)pointer - sizeof(max_align_t);
    heap->used -= *(size_t *)block;
    free(block);
}

static void check_refusal(const struct err *err)
{
    DEMAND(err->kind == ERR_REJECT && err->text[0] != '\0');
    for (const char *c = err->text; *c != '\0'; c++)
        DEMAND(*c >= ' ' && *c <= '~');
}

static void check_texts(const Telefact__Gateway__V1__PublishRequest *request)
{
    for (size_t i = 0; i < request->n_events; i++) {
        const Telefact__Gateway__V1__EventToPublish *given = request->events[i];
        DEMAND(bytes_is_utf8(bytes_of_text(given->idempotency_key)));
        if (given->event != NULL)
            DEMAND(bytes_is_utf8(bytes_of_text(given->event->producer)));
    }
}

static void check_unpacks(const ProtobufCMessageDescriptor *type, struct bytes message)
{
    struct err err = {0};
    if (!rpc_scan(type, message, HEAP_MAX, &err)) {
        check_refusal(&err);
        return;
    }
    struct heap heap = {0};
    ProtobufCAllocator allocator = {count_alloc, count_free, &heap};
    ProtobufCMessage *unpacked =
        protobuf_c_message_unpack(type, &allocator, message.len, (const uint8_t *)message.data);
    DEMAND(heap.most <= HEAP_MAX + message.len);
    if (unpacked == NULL)
        return;
    if (type == &telefact__gateway__v1__publish_request__descriptor)
        check_texts((const void *)unpacked);
    protobuf_c_message_free_unpacked(unpacked, &allocator);
    DEMAND(heap.used == 0);
}

static void check_whole(struct bytes message)
{
    check_unpacks(&telefact__gateway__v1__publish_request__descriptor, message);
    check_unpacks(&telefact__store__v1__get_user_ids_request__descriptor, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_frame frame;
    uint8_t prefix[RPC_FRAME_PREFIX];
    struct bytes rest = fuzz_bytes(data, size);
    bool is_message = size > 0 && data[0] % 2 == 1;
    rpc_frame_init(&frame, MESSAGE_MAX);
    if (is_message) {
        (void)fuzz_byte(&rest);
        rpc_frame_write_prefix(prefix, rest.len);
        struct bytes lead = {(const char *)prefix, sizeof(prefix)};
        DEMAND(rpc_frame_put(&frame, lead) == RPC_FRAME_FINE);
    }
    size_t half = rest.len / 2;
    if (rpc_frame_put(&frame, (struct bytes){rest.data, half}) == RPC_FRAME_FINE &&
        rpc_frame_put(&frame, (struct bytes){rest.data + half, rest.len - half}) ==
            RPC_FRAME_FINE &&
        rpc_frame_is_whole(&frame))
        check_whole(buf_bytes(&frame.message));
    else
        DEMAND(!is_message);
    rpc_frame_done(&frame);
    return 0;
}
