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
#include "libs/wire/fingerprint.h"
#include "services/store/fold.h"
#include "services/store/replay_states.h"
#include "services/store/tombstones.h"

#define CLUSTER_ID_MAX 64 /* with the NUL */

/* One record of the events topic. key and value live until it is released; data NULL: it has none.
 */
struct record_view {
    struct fold_place place;
    struct bytes key;
    struct bytes value;
    void *handle; /* the source's own */
};

/* Where a partition goes on, and how its past is recognised. */
struct fence {
    int32_t partition;
    int64_t next_offset;
    int64_t owner_epoch;                /* raised by every load: an earlier owner notices at once */
    int64_t last_record_ms;             /* of record next_offset - 1, as is last_hash; */
    uint8_t last_hash[FINGERPRINT_LEN]; /* meaningless while next_offset is 0 */
    char cluster_id[CLUSTER_ID_MAX]; /* of the Kafka cluster the offsets belong to; "": unknown */
    int64_t limit_offset;            /* nothing from there on is applied; FENCE_NO_LIMIT */
};
#define FENCE_NO_LIMIT INT64_MAX

enum source_event_kind {
    SOURCE_NOTHING,  /* timeout */
    SOURCE_RECORD,   /* record is set; the caller releases it */
    SOURCE_ASSIGNED, /* these partitions, and only these, are this process's: nothing is fetched
                        until start */
    SOURCE_REVOKED,  /* all partitions were taken: drop what is not committed */
    SOURCE_LOST_POSITION, /* `partition`: the log does not hold the offset it was to go on at, or a
                             damaged record there */
    SOURCE_TROUBLE, /* brokers unwell: check fingerprints again; `why` is a constant or short-lived
                       text */
};

struct source_event {
    enum source_event_kind kind;
    struct record_view record;
    int32_t partition;
    /* ASSIGNED; they live until the next poll. */
    const int32_t *partitions;
    size_t partition_count;
    int32_t topic_partitions; /* how many the topic has; 0: unknown */
    const char *cluster_id;   /* "": unknown */
    const char *why;          /* TROUBLE */
};

/* The log's edges of one partition. */
struct log_range {
    int64_t first_offset; /* oldest record there is */
    int64_t end_offset;   /* where the next record will stand */
};

/* Which log it is, as the brokers say now. */
struct log_identity {
    int32_t topic_partitions;
    char cluster_id[CLUSTER_ID_MAX]; /* "": unknown */
};

/* What is to be fetched. */
struct source_start {
    const int32_t *partitions;
    const int64_t *offsets;
    size_t count;
};

struct record_source {
    /* The next thing that happened, waiting at most timeout_ms. ERR_RETRY, ERR_FATAL. */
    bool (*poll)(void *self, int timeout_ms, struct source_event *out, struct err *err);
    void (*release)(void *self, struct record_view *record);
    /* Fetch these partitions from these offsets and nothing else (count 0: nothing at all); what
     * was fetched before is dropped. Membership of the group is not touched. */
    bool (*start)(void *self, const struct source_start *start, struct err *err);
    /* The edges of these partitions, in that order; asks the brokers, at most two seconds in all.
     */
    bool (*ranges)(void *self, const int32_t *partitions, size_t count, struct log_range *out,
                   struct err *err);
    /* Asks the brokers, at most a second or two. ERR_RETRY: no answer, or no such topic now. */
    bool (*identify)(void *self, struct log_identity *out, struct err *err);
    /* The log's end as last seen with a fetch, without asking; -1: unknown. */
    int64_t (*known_end)(void *self, int32_t partition);
    /* Tell the broker how far we are, for lag tools only. */
    void (*export_offset)(void *self, int32_t partition, int64_t next_offset);
    /* The last header of that name of a record that is not released; data NULL: it has none. For
     * few records: the first question about one costs as much as the record itself. */
    struct bytes (*header)(void *self, const struct record_view *record, const char *name);
    void *self;
};

enum batch_fate {
    BATCH_APPLY,     /* takes effect, unless its id is there already */
    BATCH_DUPLICATE, /* known to have taken effect: only the position moves over it */
    BATCH_LATE,      /* of an erased person, dated up to the erase: likewise */
    BATCH_ASIDE,     /* a dead letter: `cause` and `detail` are set */
};

/* A record of a batch. */
struct batch_event {
    struct record_view record;
    struct event event; /* kind EVENT_NONE: it could not be decoded */
    enum batch_fate fate;
    const char *cause;        /* stable code: "malformed", "other_bot", "wrong_key" … */
    const char *detail;       /* one constant line, no content */
    struct bytes traceparent; /* of a dead letter's record; data NULL: none, or not looked at */
    bool is_withheld;         /* a dead letter of an erased person: without its bytes */
    bool is_fresh;            /* set by apply: its id took effect now (always true for UserSeen) */
};

struct batch_fence { /* from -> to, compared and set */
    struct fence before;
    int64_t next_offset;
    int64_t last_record_ms;
    uint8_t last_hash[FINGERPRINT_LEN];
};

/* What one transaction does. */
struct batch {
    struct batch_fence *fences; /* ascending partitions */
    size_t fence_count;
    struct batch_event *events; /* in log order within a partition; no id twice with BATCH_APPLY
                                   (UserSeen excepted) */
    size_t event_count;
    bool expect_duplicates; /* use the path that tolerates ids already there */
    bool is_more_to_come;   /* a full one: the next follows at once */
};

enum apply_result {
    APPLY_COMMITTED,
    APPLY_OPEN, /* of the bulk: its facts are written, what else changes stays in the fold, and
                   both wait for the commit of a later batch */
    APPLY_FENCE_MOVED, /* another owner or an earlier commit of ours: forget everything, read the
                          fences again */
    APPLY_DUPLICATE,   /* an id was there already: apply again with expect_duplicates */
    APPLY_BAD_ROW,     /* the database blames a row of the batch: bisect */
    APPLY_UNWELL,      /* the database is unwell: retry later; err says why */
    APPLY_BUG,         /* anything else: stop with an alarm */
    APPLY_UNDONE,      /* a failure took the open batches before this one with it: read the fences
                          again, and leave none open until they are behind */
};

/* Which fences to read. */
struct fence_query {
    const int32_t *partitions; /* ascending */
    size_t count;
    const char *cluster_id;        /* for those that are created */
    struct tombstones *tombstones; /* become those of these partitions */
};

#define LETTER_CAUSE_MAX 32 /* with the NUL */
#define LETTER_CAUSES_MAX 16

struct letter_count {
    char cause[LETTER_CAUSE_MAX];
    int64_t open;
};

/* The dead letters that nobody has decided on. */
struct letter_census {
    struct letter_count counts[LETTER_CAUSES_MAX]; /* each cause once; of very many not all */
    size_t count;
    int64_t oldest_ms; /* timestamp of the oldest one's record; -1: there is none */
    int64_t expired;   /* letters that lost their bytes now */
};

/* The generation that is being rebuilt. */
struct rebuild_census {
    int generation; /* 0: none is */
    enum generation_state state;
    bool is_paused;
    int64_t done, total; /* events of the log when the rebuild began */
};

struct projection_store {
    /* Connect if needed; check schema, bot and generation. ERR_RETRY: later. ERR_FATAL: never. */
    bool (*open)(void *self, struct err *err);
    /* The fences of these partitions, in that order, owned by this process from now on, and their
     * tombstones; absent fences are created at next_offset 0. ERR_RETRY. */
    bool (*load_fences)(void *self, const struct fence_query *query, struct fence *out,
                        struct err *err);
    /* After open: the generation is being filled from its beginning, and nobody reads it. One
     * partition after the other is best then: its rows fit into memory sooner than all do. */
    bool (*is_bulk)(void *self);
    /* One transaction: fences, facts, rows, totals, tombstones, dead letters. `fold` is the
     * caller's memory, kept by APPLY_OPEN and reset by all else. After anything but COMMITTED and
     * OPEN nothing of the batch took effect, except that an APPLY_UNWELL may have been committed:
     * the fences tell. An empty batch commits what is open. */
    enum apply_result (*apply)(void *self, struct batch *batch, struct fold *fold, struct err *err);
    /* Take away the bytes of dead letters whose records are older than `expire_before_ms`, a
     * bounded number at a time, and count the open ones. ERR_RETRY. */
    bool (*tend_letters)(void *self, int64_t expire_before_ms, struct letter_census *out,
                         struct err *err);
    /* Erase in the generations of a past moment who was erased after it; *out: how many events took
     * effect there. ERR_RETRY. */
    bool (*erase_past)(void *self, int64_t *out, struct err *err);
    /* How far the generation is that is rebuilt, if one is. ERR_RETRY. */
    bool (*look_at_rebuild)(void *self, struct rebuild_census *out, struct err *err);
    /* Give up the connection, and what is open with it; the next open makes a new one. */
    void (*close)(void *self);
    void *self;
};

#endif
