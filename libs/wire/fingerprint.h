/* fingerprint: SHA-256 of a record's value, by which a position recognises the record before it. */
#ifndef LIBS_WIRE_FINGERPRINT_H
#define LIBS_WIRE_FINGERPRINT_H

#include "libs/base/bytes.h"

#define FINGERPRINT_LEN 32

/* Pure. A record without a value has the fingerprint of nothing. */
void fingerprint_of(struct bytes value, uint8_t out[FINGERPRINT_LEN]);

#endif
