/*
 * ports: what the ingest core needs from the outside: a log to read and a database to write.
 *
 * Adapters: kafka/ (record_source), postgres/ (projection_store). Fakes: tests/support. Blocking
 * calls wait at most their timeout; the ingest thread alone calls them.
 */
#ifndef SERVICES_STORE_PORTS_H
#define SERVICES_STORE_PORTS_H

#include "libs/base/err.h"
#include "libs/wire/event.h"
#include "services/store/fold.h"

#define FINGERPRINT_LEN 32 /* SHA-256 of a record's value */

/* One record of the events topic. key and value live until it is released. */
struct record_view {
    int32_t partition;
    int64_t offset;
    int64_t record_ms;
    struct bytes key;
    struct bytes value;
    void *handle; /* the source's own */
};

/* Where a partition goes on, and how its past is recognised. */
struct fence {
    int32_t partition;
    int64_t next_offset;
    int64_t owner_epoch;
    int64_t last_record_ms;
    uint8_t last_hash[FINGERPRINT_LEN]; /* of record next_offset - 1; meaningless while next_offset
                                           is 0 */
};

enum source_event_kind {
    SOURCE_NOTHING,  /* timeout */
    SOURCE_RECORD,   /* record is set */
    SOURCE_ASSIGNED, /* partitions were given to this process: read their fences, then call start */
    SOURCE_REVOKED,  /* all partitions were taken: drop what is not committed */
    SOURCE_LOST_POSITION, /* `partition`: the log does not hold the offset it was started at, or
                             broke off */
    SOURCE_TROUBLE, /* brokers unwell: check fingerprints again when records flow; nothing to do now
                     */
};

struct source_event {
    enum source_event_kind kind;
    struct record_view record;
    int32_t partition;
    const int32_t *partitions; /* ASSIGNED; lives until the next poll */
    size_t partition_count;
};

/* The log's edges of one partition. */
struct log_range {
    int64_t first_offset; /* oldest record there is */
    int64_t end_offset;   /* where the next record will stand */
};

struct record_source {
    /* The next thing that happened, waiting at most timeout_ms. ERR_RETRY, ERR_FATAL. */
    bool (*poll)(void *self, int timeout_ms, struct source_event *out, struct err *err);
    void (*release)(void *self, struct record_view *record);
    /* (Re)start the given partitions at these offsets and only those; what was fetched before is
     * dropped. */
    bool (*start)(void *self, const int32_t *partitions, const int64_t *offsets, size_t count,
                  struct err *err);
    /* Stop or resume fetching of everything without losing the place. */
    bool (*pause)(void *self, bool is_paused, struct err *err);
    bool (*range)(void *self, int32_t partition, struct log_range *out, struct err *err);
    /* Tell the broker how far we are, for lag tools only. */
    void (*export_offset)(void *self, int32_t partition, int64_t next_offset);
    void *self;
};

/* A record set aside. */
struct dead_letter {
    struct record_view record;
    bool has_event_id;
    uint8_t event_id[EVENT_ID_LEN];
    const char *kind;   /* event_kind_name or "" */
    const char *cause;  /* stable code: "malformed", "other_bot", "wrong_key", "bad_row" … */
    const char *detail; /* one line, no content */
};

/* An event of a batch with its place; `is_fresh` is the store's answer to: did its id take effect
 * now? */
struct batch_event {
    struct event event;
    struct fold_place place;
    bool is_fresh;
    bool is_aside; /* a dead letter instead */
};

struct batch_fence { /* from -> to, compared and set */
    struct fence before;
    int64_t next_offset;
    int64_t last_record_ms;
    uint8_t last_hash[FINGERPRINT_LEN];
};

struct batch {
    struct batch_fence *fences; /* ascending partitions */
    size_t fence_count;
    struct batch_event *events; /* in log order within a partition */
    size_t event_count;
    struct dead_letter *dead_letters;
    size_t dead_letter_count;
    bool expect_duplicates; /* use the path that tolerates ids already there */
};

enum apply_result {
    APPLY_COMMITTED,
    APPLY_FENCE_MOVED, /* another owner or an earlier commit of ours: forget everything, read the
                          fences again */
    APPLY_DUPLICATE,   /* an id was there already: apply again with expect_duplicates */
    APPLY_BAD_ROW,     /* the database blames a row of the batch: bisect */
    APPLY_UNWELL,      /* class 08, 40, 53, 57, 58, 55P03, 25006: retry later; err says why */
    APPLY_BUG,         /* anything else: stop with an alarm */
};

struct projection_store {
    /* Connect if needed, check schema, bot and generation. ERR_RETRY: later. ERR_FATAL: never. */
    bool (*open)(void *self, struct err *err);
    /* The fences of these partitions; absent ones are created at next_offset 0. */
    bool (*load_fences)(void *self, const int32_t *partitions, size_t count, struct fence *out,
                        struct err *err);
    /* One transaction: fences, facts, rows, totals, dead letters. Marks is_fresh. `fold` is the
     * caller's, reset by the call. */
    enum apply_result (*apply)(void *self, struct batch *batch, struct fold *fold, struct err *err);
    /* Give up the connection; the next open makes a new one. */
    void (*close)(void *self);
    void *self;
};

#endif
