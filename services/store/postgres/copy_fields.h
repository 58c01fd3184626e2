/* copy_fields: fields of COPY's binary form: a length in 32 bits, then the bytes; length -1 is
 * NULL. Each returns what follows. */
#ifndef SERVICES_STORE_POSTGRES_COPY_FIELDS_H
#define SERVICES_STORE_POSTGRES_COPY_FIELDS_H

#include "libs/wire/event.h"
#include "services/store/postgres/network.h"

static inline char *copy_null(char *at)
{
    return network_put32(at, -1);
}

static inline char *copy_id(char *at, const uint8_t id[EVENT_ID_LEN])
{
    return network_put_bytes(at, (struct bytes){(const char *)id, EVENT_ID_LEN});
}

static inline char *copy_int32(char *at, int32_t value)
{
    return network_put32(network_put32(at, 4), value);
}

static inline char *copy_int64(char *at, int64_t value)
{
    return network_put64(network_put32(at, 8), value);
}

static inline char *copy_int64_or_null(char *at, bool has_value, int64_t value)
{
    return has_value ? copy_int64(at, value) : copy_null(at);
}

static inline char *copy_bool(char *at, bool value)
{
    at = network_put32(at, 1);
    *at = value ? 1 : 0;
    return at + 1;
}

static inline char *copy_text(char *at, struct bytes text) /* data NULL: NULL */
{
    return text.data == NULL ? copy_null(at) : network_put_bytes(at, text);
}

#endif
