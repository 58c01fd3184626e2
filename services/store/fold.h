/*
 * fold: the projection. Events over rows give new rows and statistics; pure, no I/O, no clock.
 *
 * Live ingest and replay run this same code, so a rebuild equals the live state. The caller loads
 * the rows of every user the events name (absent ones are simply not loaded), folds fresh events in
 * log order, and writes what changed. Each event passed to fold_apply takes effect once: duplicates
 * are removed before (UserSeen may repeat; its merge is the same in any order and any number).
 *
 * A fold may stay over many batches before its results are written; only rows that it does not have
 * yet are wanted then. Texts of rows are copied into its own arena. Not thread-safe; one fold per
 * ingest thread.
 */
#ifndef SERVICES_STORE_FOLD_H
#define SERVICES_STORE_FOLD_H

#include "libs/base/err.h"
#include "libs/wire/event.h"

/* What orders two sightings of a user: the smallest registers, the largest names. An unknown time
 * is ordered by when the log got the event, so it cannot push aside what was known before. */
struct fold_mark {
    int64_t time_ms;
    int64_t update_id;
    uint8_t event_id[EVENT_ID_LEN];
};

#define FOLD_NEVER (-1) /* instead of unix seconds: none with a known time */

/* How many facts of a kind a user has, and the largest known time of one. */
struct fold_tally {
    int64_t count;
    int64_t last_at; /* unix seconds; FOLD_NEVER */
};

/* A row of table users. */
struct fold_user {
    int64_t user_id;
    int32_t partition; /* of the events that name it: its writer, whose counts it stands in */
    bool is_loaded;    /* it was in the database */
    bool is_changed;   /* it must be written */
    bool is_registration_changed; /* also lang, link, registered_at and the flags beside them */
    uint64_t row_place;           /* the loader's own, kept as it is */
    bool has_registered_at;
    int64_t registered_at;
    struct bytes lang;
    struct bytes link; /* data NULL: absent */
    bool file_mode;
    int32_t ad_count;
    int64_t ad_cooldown;
    bool is_stub;
    bool is_lang_set;
    bool is_blocked;
    bool is_mode_set;
    struct fold_mark first; /* meaningless for a stub */
    struct fold_tally videos, images, music;
};

/* A row of table profiles. */
struct fold_profile {
    int64_t id;
    bool is_loaded;
    bool is_changed;
    struct bytes username; /* data NULL: absent */
    struct bytes first_name;
    struct bytes settings; /* a JSON object */
    bool has_created_at;
    int64_t created_at_ms;
    bool has_first;         /* false: a stub, known from settings only */
    bool has_last;          /* false: no sighting carried names */
    struct fold_mark first; /* the smallest sighting; meaningless without has_first */
    struct fold_mark last;  /* the largest one that carried names; meaningless without has_last */
};

/* ---- statistics: each struct is a change of one row ---- */

#define FOLD_CHAT_CLASSES 3 /* id 0, users, groups */

enum fold_count { /* in the order of the columns of totals and buckets */
                  FOLD_CHATS,
                  FOLD_VIDEOS,
                  FOLD_IMAGES,
                  FOLD_VIDEO_USERS,
                  FOLD_IMAGE_USERS,
                  FOLD_MUSIC,
                  FOLD_MUSIC_USERS,
};
#define FOLD_COUNTS 7

struct fold_totals {
    int32_t partition;
    int16_t chat_class;
    int64_t counts[FOLD_COUNTS];
    int64_t file_modes;
};

/* Lengths of the buckets of levels 1, 2 and 3. */
#define FOLD_HOUR_S INT64_C(3600)
#define FOLD_DAY_S INT64_C(86400)
#define FOLD_32_DAYS_S (32 * FOLD_DAY_S)

struct fold_bucket { /* the users among the counts stand where their last fact is */
    int16_t level;
    int16_t chat_class;
    int32_t partition;
    int64_t bucket; /* unix seconds / length */
    int64_t counts[FOLD_COUNTS];
};

/* Registered chats of a language, or with a referral link (partition 0: all writers share it). */
struct fold_text_count {
    int32_t partition;
    struct bytes text;
    int64_t chats;
};

#define FOLD_TOP_USERS 16 /* of each partition */
struct fold_top {
    int32_t partition;
    int64_t user_id;
    int64_t videos; /* 0: no longer among them */
};

/* Where an event stands in the log. */
struct fold_place {
    int32_t partition;
    int64_t offset;
    int64_t record_ms; /* the record's timestamp */
    bool is_foreign;   /* UserErased: the person's own events stand in another partition */
};

/* A group that became a supergroup, as a partition's events say. */
struct fold_alias {
    int32_t partition;
    int64_t old_id;
    int64_t new_id;
};

/* What a UserErased does to rows that are not loaded: facts and aliases before its place. */
struct fold_erasure {
    struct fold_place place;
    int64_t user_id;
    int64_t pseudonym;
    bool has_videos; /* facts that get the pseudonym; in a foreign partition there are none */
    bool has_music;
};

struct fold;

struct fold *fold_new(void);
void fold_free(struct fold *fold);          /* NULL is fine */
void fold_reset(struct fold *fold);         /* forget all rows; keeps memory */
size_t fold_bytes(const struct fold *fold); /* memory in use, about */

/* False: this build does not know the effect of such events. They stop their partition, as unknown
 * payloads do: recording them without their effect would lose it for ever. */
bool fold_is_known(enum event_kind kind);

/* Before loading: note which rows an event needs. Then fold_wanted_* list the ids of those that it
 * does not have, ascending, each once, until fold_loaded. */
void fold_want(struct fold *fold, const struct event *event, const struct fold_place *place);
size_t fold_wanted_users(struct fold *fold, const int64_t **out_ids);
size_t fold_wanted_profiles(struct fold *fold, const int64_t **out_ids);
/* Partitions whose top users are needed, each once. */
size_t fold_wanted_tops(struct fold *fold, const int32_t **out_partitions);

/* Hand in a loaded row (texts are copied). Rows not handed in are absent. */
void fold_load_user(struct fold *fold, const struct fold_user *row);
void fold_load_profile(struct fold *fold, const struct fold_profile *row);
void fold_load_top(struct fold *fold, const struct fold_top *row);
/* All wanted rows that there are were handed in. */
void fold_loaded(struct fold *fold);

/* Apply one fresh event whose rows were wanted. Its facts (videos, music, applied) are no rows of
 * the fold: they follow from the event alone, and from the erasures after it. */
void fold_apply(struct fold *fold, const struct event *event, const struct fold_place *place);

/* Results: changed rows in ascending order of id, and the changes of the statistics that are not
 * zero, in order of their keys. They live until fold_reset; nothing is applied after asking. */
size_t fold_changed_users(struct fold *fold, const struct fold_user *const **out_rows);
size_t fold_changed_profiles(struct fold *fold, const struct fold_profile *const **out_rows);
size_t fold_changed_totals(struct fold *fold, const struct fold_totals **out_rows);
size_t fold_changed_buckets(struct fold *fold, const struct fold_bucket **out_rows);
size_t fold_changed_langs(struct fold *fold, const struct fold_text_count **out_rows);
size_t fold_changed_links(struct fold *fold, const struct fold_text_count **out_rows);
/* What differs from the loaded rows: as it is now. */
size_t fold_changed_tops(struct fold *fold, const struct fold_top **out_rows);
/* New aliases; they may be there already. */
size_t fold_new_aliases(struct fold *fold, const struct fold_alias **out_rows);

/* Erasures in log order, to be made in the database before changed rows are written and after facts
 * are; then the loaded rows that are gone, before others are put in their place. */
size_t fold_erasures(struct fold *fold, const struct fold_erasure **out_rows);
size_t fold_gone_users(struct fold *fold, const int64_t **out_ids);
size_t fold_gone_profiles(struct fold *fold, const int64_t **out_ids);

/* The time a row gets: the smaller of occurred_at_ms and the record's time + 300 s; 0: unknown. */
int64_t fold_time_ms(const struct event *event, const struct fold_place *place);

/* pk_id of row `row` (0 to 15) of the event at a place. */
int64_t fold_pk_id(const struct fold_place *place, int row);

#endif
