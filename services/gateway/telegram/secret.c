#include "services/gateway/telegram/secret.h"

#include "libs/base/mem.h"
#include "libs/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>

#define SECRETS_MAX 2
#define DIGEST_LEN 32

struct secrets {
    EVP_MD *sha256; /* both made once: OpenSSL takes longer to find them than to hash a secret */
    EVP_MD_CTX *context;
    unsigned char salt[DIGEST_LEN];
    unsigned char digests[SECRETS_MAX][DIGEST_LEN];
    bool is_set[SECRETS_MAX];
};

static void digest(struct secrets *secrets, struct bytes text, unsigned char out[DIGEST_LEN])
{
    unsigned int len = DIGEST_LEN;
    if (EVP_DigestInit_ex2(secrets->context, secrets->sha256, NULL) != 1 ||
        EVP_DigestUpdate(secrets->context, secrets->salt, sizeof(secrets->salt)) != 1 ||
        EVP_DigestUpdate(secrets->context, text.data, text.len) != 1 ||
        EVP_DigestFinal_ex(secrets->context, out, &len) != 1)
        mem_exhausted();
}

struct secrets *secrets_new(const char *current, const char *previous)
{
    const char *texts[SECRETS_MAX] = {current, previous};
    struct secrets *secrets = mem_alloc(sizeof(*secrets));
    secrets->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    secrets->context = EVP_MD_CTX_new();
    if (secrets->sha256 == NULL || secrets->context == NULL)
        mem_exhausted();
    random_fill(secrets->salt, sizeof(secrets->salt));
    for (size_t i = 0; i < SECRETS_MAX; i++) {
        secrets->is_set[i] = texts[i][0] != '\0';
        digest(secrets, bytes_of_text(texts[i]), secrets->digests[i]);
    }
    return secrets;
}

void secrets_free(struct secrets *secrets)
{
    if (secrets == NULL)
        return;
    EVP_MD_CTX_free(secrets->context);
    EVP_MD_free(secrets->sha256);
    free(secrets);
}

bool secrets_match(struct secrets *secrets, struct bytes candidate)
{
    unsigned char found[DIGEST_LEN];
    digest(secrets, candidate, found);
    bool matches = false;
    for (size_t i = 0; i < SECRETS_MAX; i++) {
        bool is_same = CRYPTO_memcmp(found, secrets->digests[i], sizeof(found)) == 0;
        matches |= is_same & secrets->is_set[i];
    }
    return matches;
}
