/*
 * queue: the answer bytes of one call on their way to HTTP/2, as whole gRPC messages. Pure.
 *
 * It knows where messages begin, so that an answer can be cut short without leaving half a message
 * on the wire.
 */
#ifndef LIBS_RPC_QUEUE_H
#define LIBS_RPC_QUEUE_H

#include "libs/base/buf.h"
#include "libs/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

struct rpc_queue {
    struct buf buf;
    size_t head;         /* bytes of buf that were taken */
    size_t message_left; /* bytes of a message that was taken in part */
};

void rpc_queue_init(struct rpc_queue *queue);
void rpc_queue_done(struct rpc_queue *queue);

void rpc_queue_put(struct rpc_queue *queue, const ProtobufCMessage *message);
void rpc_queue_put_bytes(struct rpc_queue *queue, struct bytes message);

size_t rpc_queue_len(const struct rpc_queue *queue);

/* Move at most `room` bytes to `out`; how many. */
size_t rpc_queue_take(struct rpc_queue *queue, uint8_t *out, size_t room);

/* Drop the messages of which nothing was taken yet. */
void rpc_queue_cut(struct rpc_queue *queue);

#endif
