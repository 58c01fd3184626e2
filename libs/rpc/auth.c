#include "libs/rpc/auth.h"

#include "libs/base/mem.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>

#define SCHEME "Bearer "
#define SCHEME_LEN (sizeof(SCHEME) - 1)

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

bool rpc_auth_is_accepted(const struct rpc_auth *auth, struct bytes header)
{
    if (auth->count == 0)
        return true;
    if (header.len < SCHEME_LEN || strncasecmp(header.data, SCHEME, SCHEME_LEN) != 0)
        return false;
    unsigned char mine[SHA256_DIGEST_LENGTH];
    digest((struct bytes){header.data + SCHEME_LEN, header.len - SCHEME_LEN}, mine);
    int matches = 0;
    for (size_t i = 0; i < auth->count; i++)
        matches |= CRYPTO_memcmp(mine, auth->digests + i * SHA256_DIGEST_LENGTH, sizeof(mine)) == 0;
    return matches != 0;
}
