/* tokens: the bearer tokens of a file, one a line; '#' starts a comment line; each at least 16
 * bytes. */
#ifndef LIBS_RPC_TOKENS_H
#define LIBS_RPC_TOKENS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

struct rpc_tokens {
    struct bytes *items;
    size_t count;
};

/* path "": no tokens. ERR_REJECT: unreadable, empty or a token too short; the text never holds a
 * token. */
MUST_CHECK bool rpc_tokens_load(const char *path, struct rpc_tokens *out, struct err *err);
/* The same of the file's text: the pure part. ERR_REJECT: no token, or one that is too short or not
 * printable ASCII. */
MUST_CHECK bool rpc_tokens_parse(struct bytes text, struct rpc_tokens *out, struct err *err);
void rpc_tokens_done(struct rpc_tokens *tokens);

/* A token is in both. */
bool rpc_tokens_share(const struct rpc_tokens *a, const struct rpc_tokens *b);

/* True when `listen` ("host:port") is a loopback address. Anything else needs tokens unless told
 * otherwise. */
bool rpc_listen_is_loopback(const char *listen);

#endif
