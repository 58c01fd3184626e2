/*
 * settings: a service's environment variables, from one const table.
 *
 * One row a variable. All faults of all variables are reported together. A variable with the
 * service's prefix that is not in the table is a fault (a typo guard), except those under the
 * pass-through prefix ("STORE_KAFKA_"), which are collected. A SETTING_SECRET may come from the
 * file named by <NAME>_FILE instead (a final line break is cut), and so may a passed property that
 * is a password. A variable that is set to nothing counts as unset. The variables that Kubernetes
 * adds for a Service of our name (STORE_SERVICE_HOST, STORE_PORT_9091_TCP, …) are ignored.
 */
#ifndef LIBS_BASE_SETTINGS_H
#define LIBS_BASE_SETTINGS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#include <stdio.h>

enum setting_type {
    SETTING_TEXT,   /* char * at offset; "" when the default is NULL */
    SETTING_SECRET, /* as TEXT; never shown; <NAME>_FILE is understood */
    SETTING_INT,    /* int64_t at offset, min..max */
    SETTING_BOOL,   /* bool at offset; true/false/1/0/yes/no/on/off */
    SETTING_CHOICE, /* int at offset: index into choices */
    SETTING_SET,    /* uint32_t at offset: bits of the choices, comma separated */
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;        /* of the field in the service's settings struct */
    const char *standard; /* default as text; NULL: none, and empty is allowed unless required */
    int64_t min, max;     /* SETTING_INT */
    const char *const *choices; /* SETTING_CHOICE, SETTING_SET; ended by NULL */
    bool required;
    const char *alias; /* another variable that is read when this one is unset, or NULL (DB_URL) */
    const char *doc;   /* one sentence; units and effect */
};

/* A librdkafka property given through the pass-through prefix, dots restored. */
struct setting_pair {
    char *key;
    char *value;
};

struct settings_table {
    const char *prefix; /* "STORE_" */
    const char
        *pass_prefix; /* "STORE_KAFKA_"; NULL: none. Rows of the table win over the pass-through. */
    const char *const *pass_refused; /* properties that may not be passed ("acks"); ended by NULL */
    const struct setting *rows;
    size_t count;
};

struct settings_pairs {
    struct setting_pair *items;
    size_t count;
};

/* Read `environ` into *out (a zeroed struct; texts are owned by it) and the pass-through into
 * *out_pairs. ERR_REJECT with a summary when anything is wrong; every fault is also one line on
 * `report` ("NAME: what, and what to do"). The caller ends both with settings_done; after a failure
 * there is nothing to end, which settings_done allows. */
MUST_CHECK bool settings_load(const struct settings_table *table, char *const *environ_list,
                              void *out, struct settings_pairs *out_pairs, FILE *report,
                              struct err *err);
void settings_done(const struct settings_table *table, void *settings,
                   struct settings_pairs *pairs);

/* The effective values as NAME=value lines, secrets as "***". For --check-config. */
void settings_show(const struct settings_table *table, const void *settings,
                   const struct settings_pairs *pairs, FILE *out);

/* The reference as a Markdown table, from the rows alone. For --print-settings. */
void settings_print_reference(const struct settings_table *table, const char *title, FILE *out);

#endif
