/*
 * auth: whether a call's authorization header carries one of the accepted bearer tokens.
 *
 * Only digests are kept. A check compares the digest of what came with every accepted one in
 * constant time, so its duration tells nothing about the tokens.
 */
#ifndef LIBS_RPC_AUTH_H
#define LIBS_RPC_AUTH_H

#include "libs/base/bytes.h"

#define RPC_DIGEST_BYTES 32

/* What came with a call; the token itself is not kept. */
struct rpc_credential {
    bool is_given;
    unsigned char digest[RPC_DIGEST_BYTES];
};

struct rpc_auth {
    unsigned char *digests;
    size_t count; /* 0: everybody is accepted */
};

void rpc_auth_init(struct rpc_auth *auth, const struct bytes *tokens, size_t count);
void rpc_auth_done(struct rpc_auth *auth);

/* The value of an authorization header; data NULL: there was none. */
void rpc_credential_read(struct bytes header, struct rpc_credential *out);

bool rpc_auth_is_accepted(const struct rpc_auth *auth, const struct rpc_credential *credential);

#endif
