#include "libs/rpc/headers.h"

#include <string.h>

struct lengths {
    size_t name;
    size_t value;
};

void rpc_headers_init(struct rpc_headers *headers, size_t max)
{
    *headers = (struct rpc_headers){0};
    buf_init(&headers->flat, max);
}

void rpc_headers_done(struct rpc_headers *headers)
{
    buf_done(&headers->flat);
}

bool rpc_headers_add(struct rpc_headers *headers, struct bytes name, struct bytes value)
{
    struct lengths lengths = {name.len, value.len};
    size_t size = sizeof(lengths) + name.len + value.len;
    char *at = buf_reserve(&headers->flat, size);
    if (at == NULL)
        return false;
    memcpy(at, &lengths, sizeof(lengths));
    memcpy(at + sizeof(lengths), name.data, name.len);
    if (value.len > 0)
        memcpy(at + sizeof(lengths) + name.len, value.data, value.len);
    headers->flat.len += size;
    return true;
}

bool rpc_headers_next(const struct rpc_headers *headers, size_t *at, struct bytes *out_name,
                      struct bytes *out_value)
{
    if (*at >= headers->flat.len)
        return false;
    struct lengths lengths;
    const char *entry = headers->flat.data + *at;
    memcpy(&lengths, entry, sizeof(lengths));
    *out_name = (struct bytes){entry + sizeof(lengths), lengths.name};
    *out_value = (struct bytes){entry + sizeof(lengths) + lengths.name, lengths.value};
    *at += sizeof(lengths) + lengths.name + lengths.value;
    return true;
}

struct bytes rpc_headers_find(const struct rpc_headers *headers, struct bytes name)
{
    size_t at = 0;
    struct bytes found;
    struct bytes value;
    while (rpc_headers_next(headers, &at, &found, &value)) {
        if (bytes_equal(found, name))
            return value;
    }
    return (struct bytes){NULL, 0};
}
