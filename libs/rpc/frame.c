#include "libs/rpc/frame.h"

#include <assert.h>
#include <string.h>

void rpc_frame_init(struct rpc_frame *frame, size_t message_max)
{
    *frame = (struct rpc_frame){.message_max = message_max};
    buf_init(&frame->message, message_max);
}

void rpc_frame_done(struct rpc_frame *frame)
{
    buf_done(&frame->message);
}

static struct bytes take_prefix(struct rpc_frame *frame, struct bytes data)
{
    size_t wanted = RPC_FRAME_PREFIX - frame->prefix_len;
    size_t taken = data.len < wanted ? data.len : wanted;
    memcpy(frame->prefix + frame->prefix_len, data.data, taken);
    frame->prefix_len += taken;
    return (struct bytes){data.data + taken, data.len - taken};
}

static enum rpc_frame_fault read_prefix(struct rpc_frame *frame)
{
    const uint8_t *p = frame->prefix;
    if (p[0] > 1)
        return RPC_FRAME_BAD_FLAG;
    if (p[0] == 1)
        return RPC_FRAME_COMPRESSED;
    frame->expected = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    return frame->expected > frame->message_max ? RPC_FRAME_TOO_LARGE : RPC_FRAME_FINE;
}

enum rpc_frame_fault rpc_frame_put(struct rpc_frame *frame, struct bytes data)
{
    if (data.len > 0 && frame->prefix_len < RPC_FRAME_PREFIX) {
        data = take_prefix(frame, data);
        if (frame->prefix_len < RPC_FRAME_PREFIX)
            return RPC_FRAME_FINE;
        enum rpc_frame_fault fault = read_prefix(frame);
        if (fault != RPC_FRAME_FINE)
            return fault;
    }
    if (data.len == 0)
        return RPC_FRAME_FINE;
    if (data.len > frame->expected - frame->message.len)
        return RPC_FRAME_SECOND;
    bool has_room = buf_append(&frame->message, data.data, data.len);
    assert(has_room); /* expected is at most the buffer's maximum */
    (void)has_room;
    return RPC_FRAME_FINE;
}

bool rpc_frame_is_whole(const struct rpc_frame *frame)
{
    return frame->prefix_len == RPC_FRAME_PREFIX && frame->message.len == frame->expected;
}

void rpc_frame_write_prefix(uint8_t out[RPC_FRAME_PREFIX], size_t len)
{
    assert(len <= UINT32_MAX);
    out[0] = 0;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}
