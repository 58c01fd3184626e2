#include "libs/wire/fingerprint.h"

#include "libs/base/mem.h"

#include <openssl/evp.h>

void fingerprint_of(struct bytes value, uint8_t out[FINGERPRINT_LEN])
{
    unsigned int len = 0;
    if (EVP_Digest(value.data, value.len, out, &len, EVP_sha256(), NULL) != 1 ||
        len != FINGERPRINT_LEN)
        mem_exhausted(); /* it fails for no other reason */
}
