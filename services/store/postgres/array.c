#include "services/store/postgres/array.h"

#include "libs/base/mem.h"
#include "services/store/postgres/network.h"

#include <assert.h>
#include <stdlib.h>

/* dimensions, has_null, element type, length, lower bound */
#define HEADER_LEN 20
#define CAPACITY_FIRST 256

static char *room(struct array *array, size_t len)
{
    if (array->len == 0)
        array->len = HEADER_LEN;
    if (array->len + len > array->capacity) {
        size_t doubled = array->capacity == 0 ? CAPACITY_FIRST : array->capacity * 2;
        array->capacity = doubled > array->len + len ? doubled : array->len + len;
        array->data = mem_grow(array->data, array->capacity, 1);
    }
    char *at = array->data + array->len;
    array->len += len;
    return at;
}

void array_reset(struct array *array)
{
    array->len = 0;
    array->count = 0;
    array->has_null = 0;
}

void array_done(struct array *array)
{
    free(array->data);
    *array = (struct array){0};
}

void array_bool(struct array *array, bool value)
{
    char *at = network_put32(room(array, 5), 1);
    *at = value ? 1 : 0;
    array->count++;
}

void array_int16(struct array *array, int16_t value)
{
    (void)network_put16(network_put32(room(array, 6), 2), value);
    array->count++;
}

void array_int32(struct array *array, int32_t value)
{
    (void)network_put32(network_put32(room(array, 8), 4), value);
    array->count++;
}

void array_int64(struct array *array, int64_t value)
{
    (void)network_put64(network_put32(room(array, 12), 8), value);
    array->count++;
}

void array_bytes(struct array *array, struct bytes value)
{
    if (value.data == NULL) {
        array_null(array);
        return;
    }
    (void)network_put_bytes(room(array, 4 + value.len), value);
    array->count++;
}

void array_null(struct array *array)
{
    (void)network_put32(room(array, 4), -1);
    array->has_null = 1;
    array->count++;
}

void array_finish(struct array *array, enum array_type type)
{
    assert(array->count > 0);
    char *at = network_put32(array->data, 1);
    at = network_put32(at, array->has_null);
    at = network_put32(at, (int32_t)type);
    at = network_put32(at, array->count);
    (void)network_put32(at, 1);
}
