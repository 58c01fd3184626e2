/* methods: which path leads to which handler. Built at open, read only afterwards. */
#ifndef LIBS_RPC_METHODS_H
#define LIBS_RPC_METHODS_H

#include "libs/base/bytes.h"
#include "libs/rpc/server.h"

/* As rpc_handler_fn, for a method of our own that reads its bytes itself. */
typedef void (*rpc_bytes_fn)(void *self, struct rpc_call *call, struct bytes message);

struct rpc_method {
    char *path;                              /* "/package.Service/Method"; owned by the table */
    const char *label;                       /* "package.Service/Method" */
    const ProtobufCMessageDescriptor *input; /* NULL: bytes_fn takes the call */
    rpc_handler_fn handler;                  /* NULL: not built yet */
    rpc_bytes_fn bytes_fn;
    void *self;
    size_t auth;     /* whose tokens it needs: 0: all services', n: those of service n - 1 */
    bool is_public;  /* needs no token */
    bool is_endless; /* lives until the client goes, unless that gives a deadline */
};

struct rpc_methods {
    struct rpc_method *items; /* sorted by path */
    size_t count;
};

void rpc_methods_init(struct rpc_methods *methods, const struct rpc_service *services,
                      size_t count);
void rpc_methods_done(struct rpc_methods *methods);

/* Add one more. `service` is "package.Service"; path and label of `method` are made from both
 * names. */
void rpc_methods_add(struct rpc_methods *methods, const char *service, const char *name,
                     struct rpc_method method);

/* NULL: there is none. */
const struct rpc_method *rpc_methods_find(const struct rpc_methods *methods, struct bytes path);

#endif
