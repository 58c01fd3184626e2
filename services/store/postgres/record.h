/*
 * record: composite values, and arrays of them, in PostgreSQL's binary form.
 *
 * Fields are taken one after the other, in the order of the statement. The server's bytes are
 * trusted, as libpq trusts them. Views point into the result. Pure.
 */
#ifndef SERVICES_STORE_POSTGRES_RECORD_H
#define SERVICES_STORE_POSTGRES_RECORD_H

#include "libs/base/bytes.h"

/* The fields of one composite value that are still to be taken. */
struct record {
    const char *at;
};

/* value is not NULL. */
struct record record_open(struct bytes value);

struct bytes record_take(struct record *record);             /* data NULL: NULL */
bool record_take_bool(struct record *record);                /* NULL: false */
int32_t record_take_int32(struct record *record);            /* NULL: 0 */
int64_t record_take_int64(struct record *record);            /* NULL: 0 */
bool record_take_known(struct record *record, int64_t *out); /* NULL: false, and 0 */

/* The elements of an array that are still to be taken: composite values, none of them NULL. */
struct record_list {
    const char *at;
    size_t count;
};

struct record_list record_list_open(struct bytes array); /* data NULL: none */
struct record record_list_take(struct record_list *list);

#endif
