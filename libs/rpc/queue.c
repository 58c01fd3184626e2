#include "libs/rpc/queue.h"

#include "libs/rpc/frame.h"

#include <assert.h>
#include <string.h>

/* What a handler may queue for one call; streams stop far below by rpc_is_writable. */
#define QUEUE_BYTES_MAX ((size_t)1 << 30)
#define KEEP_BYTES 4096U /* an empty queue gives larger memory back */

void rpc_queue_init(struct rpc_queue *queue)
{
    *queue = (struct rpc_queue){0};
    buf_init(&queue->buf, QUEUE_BYTES_MAX);
}

void rpc_queue_done(struct rpc_queue *queue)
{
    buf_done(&queue->buf);
}

size_t rpc_queue_len(const struct rpc_queue *queue)
{
    return queue->buf.len - queue->head;
}

/* Where a message of `len` bytes goes, its prefix written. */
static char *reserve(struct rpc_queue *queue, size_t len)
{
    if (queue->head > queue->buf.len / 2) {
        size_t left = rpc_queue_len(queue);
        memmove(queue->buf.data, queue->buf.data + queue->head, left);
        queue->buf.len = left;
        queue->head = 0;
    }
    char *at = buf_reserve(&queue->buf, RPC_FRAME_PREFIX + len);
    assert(at != NULL);
    uint8_t prefix[RPC_FRAME_PREFIX];
    rpc_frame_write_prefix(prefix, len);
    memcpy(at, prefix, sizeof(prefix));
    queue->buf.len += RPC_FRAME_PREFIX + len;
    return at + RPC_FRAME_PREFIX;
}

void rpc_queue_put(struct rpc_queue *queue, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    char *at = reserve(queue, len);
    protobuf_c_message_pack(message, (uint8_t *)at);
}

void rpc_queue_put_bytes(struct rpc_queue *queue, struct bytes message)
{
    char *at = reserve(queue, message.len);
    if (message.len > 0)
        memcpy(at, message.data, message.len);
}

/* Length of the whole frame that begins at `at`. */
static size_t frame_len(const struct rpc_queue *queue, size_t at)
{
    const uint8_t *p = (const uint8_t *)queue->buf.data + at;
    size_t message = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    return RPC_FRAME_PREFIX + message;
}

/* Move over `taken` bytes, message by message. */
static void advance(struct rpc_queue *queue, size_t taken)
{
    while (taken > 0) {
        if (queue->message_left == 0)
            queue->message_left = frame_len(queue, queue->head);
        size_t step = taken < queue->message_left ? taken : queue->message_left;
        queue->head += step;
        queue->message_left -= step;
        taken -= step;
    }
}

size_t rpc_queue_take(struct rpc_queue *queue, uint8_t *out, size_t room)
{
    size_t taken = rpc_queue_len(queue);
    if (taken > room)
        taken = room;
    if (taken == 0)
        return 0;
    memcpy(out, queue->buf.data + queue->head, taken);
    advance(queue, taken);
    if (queue->head == queue->buf.len) {
        queue->head = 0;
        buf_clear(&queue->buf);
        if (queue->buf.capacity > KEEP_BYTES) {
            buf_done(&queue->buf);
            buf_init(&queue->buf, QUEUE_BYTES_MAX);
        }
    }
    return taken;
}

void rpc_queue_cut(struct rpc_queue *queue)
{
    queue->buf.len = queue->head + queue->message_left;
}
