/*
 * secret: is this the webhook's secret? In constant time, so that nobody learns it byte by byte.
 *
 * Only digests are kept. Two secrets are valid while one is being changed. Pure after secrets_init.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_SECRET_H
#define SERVICES_GATEWAY_TELEGRAM_SECRET_H

#include "libs/base/bytes.h"

#define SECRETS_MAX 2
#define SECRET_DIGEST_LEN 32

struct secrets {
    unsigned char salt[SECRET_DIGEST_LEN];
    unsigned char digests[SECRETS_MAX][SECRET_DIGEST_LEN];
    bool is_set[SECRETS_MAX];
};

void secrets_init(struct secrets *secrets, const char *current,
                  const char *previous); /* "": none */

/* data NULL (no header) is as wrong as any other text. */
bool secrets_match(const struct secrets *secrets, struct bytes candidate);

#endif
