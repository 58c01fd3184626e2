#include "services/gateway/telegram/secret.h"

#include "libs/base/mem.h"
#include "libs/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>

static void digest(const struct secrets *secrets, struct bytes text,
                   unsigned char out[SECRET_DIGEST_LEN])
{
    unsigned int len = SECRET_DIGEST_LEN;
    const unsigned char *data = (const unsigned char *)(text.data == NULL ? "" : text.data);
    if (HMAC(EVP_sha256(), secrets->salt, sizeof(secrets->salt), data, text.len, out, &len) == NULL)
        mem_exhausted();
}

void secrets_init(struct secrets *secrets, const char *current, const char *previous)
{
    const char *texts[SECRETS_MAX] = {current, previous};
    *secrets = (struct secrets){0};
    random_fill(secrets->salt, sizeof(secrets->salt));
    for (size_t i = 0; i < SECRETS_MAX; i++) {
        secrets->is_set[i] = texts[i][0] != '\0';
        digest(secrets, bytes_of_text(texts[i]), secrets->digests[i]);
    }
}

bool secrets_match(const struct secrets *secrets, struct bytes candidate)
{
    unsigned char found[SECRET_DIGEST_LEN];
    digest(secrets, candidate, found);
    bool matches = false;
    for (size_t i = 0; i < SECRETS_MAX; i++) {
        bool is_same = CRYPTO_memcmp(found, secrets->digests[i], sizeof(found)) == 0;
        matches |= is_same & secrets->is_set[i];
    }
    return matches;
}
