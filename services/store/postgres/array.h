/*
 * array: a one-dimensional PostgreSQL array in binary form, for statements over unnest($1, …).
 *
 * Elements are appended in host order and stand in network order. Memory is kept over resets. Text
 * from outside travels only so: text parameters would be cut at NUL. Not thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_ARRAY_H
#define SERVICES_STORE_POSTGRES_ARRAY_H

#include "libs/base/bytes.h"

enum array_type { /* the element's OID */
                  ARRAY_BOOL = 16,
                  ARRAY_BYTEA = 17,
                  ARRAY_INT64 = 20,
                  ARRAY_INT16 = 21,
                  ARRAY_INT32 = 23,
                  ARRAY_TEXT = 25,
                  ARRAY_TID = 27,
                  ARRAY_TIMESTAMPTZ = 1184,
                  ARRAY_UUID = 2950,
};

struct array { /* a zeroed struct is fine */
    char *data;
    size_t len;
    size_t capacity;
    int32_t count;
    int32_t has_null;
};

void array_reset(struct array *array);
void array_done(struct array *array);

void array_bool(struct array *array, bool value);
void array_int16(struct array *array, int16_t value);
void array_int32(struct array *array, int32_t value);
void array_int64(struct array *array, int64_t value);
void array_bytes(struct array *array, struct bytes value); /* data NULL: NULL */
void array_null(struct array *array);

/* Write the header; afterwards data and len are the parameter. The array is not empty. */
void array_finish(struct array *array, enum array_type type);

#endif
