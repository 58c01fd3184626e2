/*
 * frame: gRPC's message framing, one flag byte and four length bytes before each message. Pure.
 *
 * Decodes the one message of a unary request, in whatever pieces it comes. Memory grows with the
 * bytes that arrived, never with the length that was promised.
 */
#ifndef LIBS_RPC_FRAME_H
#define LIBS_RPC_FRAME_H

#include "libs/base/buf.h"
#include "libs/base/bytes.h"

#define RPC_FRAME_PREFIX 5U

enum rpc_frame_fault {
    RPC_FRAME_FINE,
    RPC_FRAME_TOO_LARGE,  /* the promised length is over the maximum */
    RPC_FRAME_COMPRESSED, /* flag 1 */
    RPC_FRAME_BAD_FLAG,   /* a flag that gRPC does not know */
    RPC_FRAME_SECOND,     /* bytes after the message */
};

struct rpc_frame {
    struct buf message;
    size_t message_max;
    size_t expected; /* length by the prefix, once that is whole */
    size_t prefix_len;
    uint8_t prefix[RPC_FRAME_PREFIX];
};

void rpc_frame_init(struct rpc_frame *frame, size_t message_max);
void rpc_frame_done(struct rpc_frame *frame); /* a zeroed struct is fine */

/* Take the next bytes of the request. After a fault no more may be put. */
enum rpc_frame_fault rpc_frame_put(struct rpc_frame *frame, struct bytes data);

/* The message is whole: frame->message is its bytes. */
bool rpc_frame_is_whole(const struct rpc_frame *frame);

/* The prefix of an uncompressed message of `len` bytes. */
void rpc_frame_write_prefix(uint8_t out[RPC_FRAME_PREFIX], size_t len);

#endif
