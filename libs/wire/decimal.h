/*
 * decimal: integers as text, for keys, headers and ids. printf does the same and costs more than
 * the rest of a record. Pure; thread-safe.
 */
#ifndef LIBS_WIRE_DECIMAL_H
#define LIBS_WIRE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 20 /* characters of INT64_MIN */

/* Writes no NUL; returns how many characters. */
size_t decimal_write(int64_t number, char out[DECIMAL_MAX]);

/* Exactly `digits` characters with leading zeros; number is not negative and fits. */
void decimal_write_padded(int32_t number, size_t digits, char *out);

#endif
