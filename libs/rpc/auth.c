#include "libs/rpc/auth.h"

#include "libs/base/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>

#define SCHEME "Bearer "
#define SCHEME_LEN (sizeof(SCHEME) - 1)

static_assert(RPC_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "a digest of SHA-256");

static void digest(struct bytes token, unsigned char *out)
{
    (void)SHA256((const unsigned char *)token.data, token.len, out);
}

void rpc_auth_init(struct rpc_auth *auth, const struct bytes *tokens, size_t count)
{
    *auth = (struct rpc_auth){.digests = mem_array(count, SHA256_DIGEST_LENGTH), .count = count};
    for (size_t i = 0; i < count; i++)
        digest(tokens[i], auth->digests + i * SHA256_DIGEST_LENGTH);
}

void rpc_auth_done(struct rpc_auth *auth)
{
    free(auth->digests);
    *auth = (struct rpc_auth){0};
}

void rpc_credential_read(struct bytes header, struct rpc_credential *out)
{
    *out = (struct rpc_credential){0};
    if (header.len < SCHEME_LEN || strncasecmp(header.data, SCHEME, SCHEME_LEN) != 0)
        return;
    digest((struct bytes){header.data + SCHEME_LEN, header.len - SCHEME_LEN}, out->digest);
    out->is_given = true;
}

bool rpc_auth_is_accepted(const struct rpc_auth *auth, const struct rpc_credential *credential)
{
    if (auth->count == 0)
        return true;
    int matches = 0;
    for (size_t i = 0; i < auth->count; i++)
        matches |= CRYPTO_memcmp(credential->digest, auth->digests + i * RPC_DIGEST_BYTES,
                                 RPC_DIGEST_BYTES) == 0;
    return credential->is_given && matches != 0;
}
