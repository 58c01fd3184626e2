/* network: numbers in the byte order of PostgreSQL's binary formats. Each put returns what follows.
 */
#ifndef SERVICES_STORE_POSTGRES_NETWORK_H
#define SERVICES_STORE_POSTGRES_NETWORK_H

#include "libs/base/bytes.h"

#include <arpa/inet.h>

static inline char *network_put16(char *at, int16_t value)
{
    uint16_t swapped = htons((uint16_t)value);
    memcpy(at, &swapped, sizeof(swapped));
    return at + sizeof(swapped);
}

static inline char *network_put32(char *at, int32_t value)
{
    uint32_t swapped = htonl((uint32_t)value);
    memcpy(at, &swapped, sizeof(swapped));
    return at + sizeof(swapped);
}

static inline char *network_put64(char *at, int64_t value)
{
    at = network_put32(at, (int32_t)(uint32_t)((uint64_t)value >> 32));
    return network_put32(at, (int32_t)(uint32_t)(uint64_t)value);
}

/* The length in 32 bits, then the bytes. */
static inline char *network_put_bytes(char *at, struct bytes value)
{
    at = network_put32(at, (int32_t)value.len);
    if (value.len > 0)
        memcpy(at, value.data, value.len);
    return at + value.len;
}

static inline uint32_t network_get32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return ntohl(value);
}

static inline int64_t network_get64(const char *at)
{
    return (int64_t)((uint64_t)network_get32(at) << 32 | network_get32(at + 4));
}

#endif
