/* certificate: when the certificates in a file expire. */
#ifndef LIBS_KAFKA_CERTIFICATE_H
#define LIBS_KAFKA_CERTIFICATE_H

#include "libs/base/err.h"

#include <stdint.h>

struct certificate_dates { /* seconds since 1970 */
    int64_t first_s;       /* when the first of the file's certificates expires, */
    int64_t last_s;        /* and the last one; the same when there is one */
};

/* Read a file of PEM, or of PKCS#12 that this password opens when it is not NULL. ERR_REJECT: it
 * cannot be read or holds no certificate. */
MUST_CHECK bool certificate_read_dates(const char *path, const char *pkcs12_password,
                                       struct certificate_dates *out, struct err *err);

#endif
