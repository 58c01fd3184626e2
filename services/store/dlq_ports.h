/*
 * dlq_ports: what the dlq commands need: the table of dead letters.
 *
 * Adapter: postgres/letter_desk. One thread; calls wait.
 */
#ifndef SERVICES_STORE_DLQ_PORTS_H
#define SERVICES_STORE_DLQ_PORTS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define LETTER_PAGE 16 /* letters read at once: each may hold a record of 2 MiB */

enum letter_decision { LETTER_ANY, LETTER_OPEN, LETTER_RETRIED, LETTER_DROPPED };

/* "open", "retried", "dropped"; NULL for LETTER_ANY. */
const char *letter_decision_name(enum letter_decision decision);

/* Where its record stands in the log; this is its key. */
struct letter_place {
    int32_t partition;
    int64_t offset;
};

/* Everything lives for the call that hands it out. */
struct letter {
    struct letter_place place;
    const char *event_id; /* "": it was not decoded */
    const char *kind;     /* likewise */
    const char *cause;
    const char *detail;
    const char *time; /* of the record, RFC 3339 */
    int64_t record_ms;
    enum letter_decision decision;
    const char *decided_at;   /* RFC 3339; "": it is open */
    bool is_expired;          /* key and value are gone */
    int64_t value_len;        /* -1: expired, or the record had no value */
    struct bytes traceparent; /* empty: none, or expired */
    struct bytes key;         /* these two of LETTER_WITH_BYTES; data NULL: none */
    struct bytes value;
    const char *json; /* of the other two: the letter as one JSON object in a line */
};

enum letter_content {
    LETTER_SHORT,      /* without the record's bytes */
    LETTER_WITH_BYTES, /* with them */
    LETTER_WHOLE_JSON, /* with them in base64 in the JSON */
};

/* What a letter must be; zeroed members but `partition` ask for nothing. */
struct letter_filter {
    enum letter_decision decision;
    const char *cause; /* NULL: any */
    int32_t partition; /* -1: any */
};

struct letter_query {
    struct letter_filter filter;
    struct letter_place from; /* this one and those after it, by partition and offset */
    enum letter_content content;
    int limit; /* at most LETTER_PAGE */
};

/* Who gets the letters. */
struct letter_taker {
    /* False with *err set ends the reading as failed. */
    bool (*take)(void *self, const struct letter *letter, struct err *err);
    void *self;
};

struct letter_desk {
    /* Hand the letters out in order; *out_count says how many. ERR_RETRY, or what the taker said.
     */
    bool (*read)(void *self, const struct letter_query *query, const struct letter_taker *taker,
                 int *out_count, struct err *err);
    /* Record the decision, now, all or none. What was retried or dropped already is not dropped.
     * ERR_RETRY. */
    bool (*decide)(void *self, const struct letter_place *places, size_t count,
                   enum letter_decision decision, struct err *err);
    void *self;
};

#endif
