/*
 * secret: is this the webhook's secret? In constant time, so that nobody learns it byte by byte.
 *
 * Only salted digests are kept. Two secrets are valid while one is being changed. One thread.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_SECRET_H
#define SERVICES_GATEWAY_TELEGRAM_SECRET_H

#include "libs/base/bytes.h"

struct secrets;

/* "": none. */
struct secrets *secrets_new(const char *current, const char *previous);
void secrets_free(struct secrets *secrets); /* NULL is fine */

/* data NULL (no header) is as wrong as any other text. */
bool secrets_match(struct secrets *secrets, struct bytes candidate);

#endif
