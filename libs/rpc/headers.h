/* headers: a list of header names and values with a mandatory maximum, counted as HTTP/2 counts a
 * header list. */
#ifndef LIBS_RPC_HEADERS_H
#define LIBS_RPC_HEADERS_H

#include "libs/base/buf.h"
#include "libs/base/bytes.h"

struct rpc_headers {
    struct buf flat; /* per header: two lengths, name, value */
};

void rpc_headers_init(struct rpc_headers *headers, size_t max);
void rpc_headers_done(struct rpc_headers *headers); /* a zeroed struct is fine */

/* Copies both. False: the list would pass its maximum; nothing changed. */
MUST_CHECK bool rpc_headers_add(struct rpc_headers *headers, struct bytes name, struct bytes value);

/* The first value of `name`, borrowed until the next add; data NULL: absent. */
struct bytes rpc_headers_find(const struct rpc_headers *headers, struct bytes name);

/* Walk: start with *at = 0; false at the end. */
bool rpc_headers_next(const struct rpc_headers *headers, size_t *at, struct bytes *out_name,
                      struct bytes *out_value);

#endif
