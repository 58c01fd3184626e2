/* random: bytes of the kernel's generator, and ids made from them. Thread-safe. */
#ifndef LIBS_BASE_RANDOM_H
#define LIBS_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_fill(void *out, size_t len); /* exits when the kernel gives none */
uint32_t random_u32(void);

/* A UUIDv7 (RFC 9562): 48 bits of unix_ms, then random. */
void random_uuid7(int64_t unix_ms, uint8_t out[16]);

#endif
