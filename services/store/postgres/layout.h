/*
 * layout: the tables of a generation as the writer sees them: statements, columns and their order.
 *
 * Everything that knows how facts, rows and totals lie in PostgreSQL is in layout.c (statements),
 * layout_facts.c (facts), layout_rows.c (rows), layout_erasures.c (erasures) and layout_stats.c
 * (statistics), so another physical layout is another set of these. Beside them only
 * generation.sql, views.sql and the read side name columns.
 */
#ifndef SERVICES_STORE_POSTGRES_LAYOUT_H
#define SERVICES_STORE_POSTGRES_LAYOUT_H

#include "services/store/ports.h"
#include "services/store/postgres/array.h"

#include <libpq-fe.h>

#define LAYOUT_PARAMS_MAX 20

/* Prepared statements. */
enum layout_statement {
    LAYOUT_BEGIN,
    LAYOUT_COMMIT,
    LAYOUT_SAVE,    /* a point to go back to */
    LAYOUT_RELEASE, /* it is needed no more */
    LAYOUT_CREATE_FENCE,
    LAYOUT_TAKE_FENCE,
    LAYOUT_MOVE_FENCE,
    LAYOUT_SET_FENCE, /* without comparing; a planted bug's */
    LAYOUT_LOAD_USERS,
    LAYOUT_LOAD_PROFILES,
    LAYOUT_LOAD_TOPS,
    LAYOUT_LOAD_TOMBSTONES,
    LAYOUT_ADD_VIDEOS,
    LAYOUT_ADD_MUSIC,
    LAYOUT_ADD_APPLIED,
    LAYOUT_ADD_ALIASES,
    LAYOUT_ERASE_VIDEOS,  /* a piece of those with a time, */
    LAYOUT_ERASE_UNDATED, /* of those without, */
    LAYOUT_ERASE_MUSIC,   /* and of the music */
    LAYOUT_DEFER_ERASURE, /* of them all; only in a bulk that defers them */
    LAYOUT_RENAME_ALIASES,
    LAYOUT_DROP_USERS,
    LAYOUT_DROP_PROFILES,
    LAYOUT_PUT_USERS,
    LAYOUT_SET_COUNTERS,
    LAYOUT_PUT_PROFILES,
    LAYOUT_ADD_TOTALS,
    LAYOUT_ADD_BUCKETS,
    LAYOUT_DROP_BUCKETS, /* those of zeros */
    LAYOUT_PUT_TOPS,
    LAYOUT_DROP_TOPS,
    LAYOUT_ADD_LANGS,
    LAYOUT_DROP_LANGS, /* those of zero */
    LAYOUT_ADD_LINKS,
    LAYOUT_DROP_LINKS, /* those of zero */
    LAYOUT_ADD_DEAD_LETTERS,
    LAYOUT_ERASE_LETTERS, /* their bytes */
    LAYOUT_PUT_TOMBSTONES,
    LAYOUT_ADD_ERASURES,
};
#define LAYOUT_STATEMENTS 39

const char *layout_name(enum layout_statement statement);
/* The text on generation g<N>; the caller frees it. */
char *layout_sql(enum layout_statement statement, int generation);

/* Parameters of a statement over unnest: one array a column. */
struct layout_columns { /* a zeroed struct is fine */
    struct array arrays[LAYOUT_PARAMS_MAX];
    const char *values[LAYOUT_PARAMS_MAX]; /* set by layout_columns_finish */
    int lengths[LAYOUT_PARAMS_MAX];
    int count;
};
void layout_columns_reset(struct layout_columns *columns);
/* Ready to send the rows as parameters of `statement`. */
void layout_columns_finish(struct layout_columns *columns, enum layout_statement statement);
void layout_columns_done(struct layout_columns *columns);

/* ---- facts ---- */

/* Where an event leaves its permanent trace. */
enum layout_fact { LAYOUT_VIDEOS, LAYOUT_MUSIC, LAYOUT_APPLIED, LAYOUT_NO_FACT };
#define LAYOUT_FACTS 3

enum layout_fact layout_fact_of(enum event_kind kind);
enum layout_statement layout_add_fact(enum layout_fact fact); /* INSERT … RETURNING event_id */
/* COPY … FROM STDIN (FORMAT binary); the caller frees it. */
char *layout_copy_sql(enum layout_fact fact, int generation);

/* Most bytes of one fact or user in COPY's binary form. */
#define LAYOUT_COPY_ROW_MAX (EVENT_LINK_MAX + 256)
#define LAYOUT_COPY_HEADER_LEN 19
char *layout_copy_header(char *at);
char *layout_copy_row(char *at, const struct batch_event *event);
char *layout_copy_trailer(char *at);

/* Add a fact to the columns of layout_add_fact(). */
void layout_put_fact(struct layout_columns *columns, const struct batch_event *event);
void layout_put_dead_letter(struct layout_columns *columns, const struct batch_event *event);

/* ---- rows ---- */

void layout_get_user(const PGresult *result, int row, struct fold_user *out);
void layout_get_profile(const PGresult *result, int row, struct fold_profile *out);
/* Counters and flags of a row that was loaded, by the place it was loaded from. */
void layout_put_counters(struct layout_columns *columns, const struct fold_user *row);
/* A new row in COPY's binary form; the caller frees the SQL. */
char *layout_copy_users_sql(int generation);
char *layout_copy_user(char *at, const struct fold_user *row);
void layout_put_user(struct layout_columns *columns, const struct fold_user *row);
void layout_put_profile(struct layout_columns *columns, const struct fold_profile *row);

/* ---- erasures ---- */

void layout_put_alias(struct layout_columns *columns, const struct fold_alias *alias);
void layout_get_tombstone(const PGresult *result, int row, struct tombstone *out);
void layout_put_tombstone(struct layout_columns *columns, const struct batch_event *erased);
void layout_put_erasure(struct layout_columns *columns, const struct batch_event *erased);
/* The dead letters before it. */
void layout_put_letters_of(struct layout_columns *columns, const struct fold_erasure *erasure);

/* ---- statistics ---- */

void layout_get_top(const PGresult *result, int row, struct fold_top *out);
void layout_put_totals(struct layout_columns *columns, const struct fold_totals *row);
void layout_put_bucket(struct layout_columns *columns, const struct fold_bucket *row);
void layout_put_bucket_key(struct layout_columns *columns, const struct fold_bucket *row);
void layout_put_top(struct layout_columns *columns, const struct fold_top *row);
void layout_put_top_key(struct layout_columns *columns, const struct fold_top *row);
void layout_put_lang(struct layout_columns *columns, const struct fold_text_count *row);
void layout_put_lang_key(struct layout_columns *columns, const struct fold_text_count *row);
void layout_put_link(struct layout_columns *columns, const struct fold_text_count *row);
void layout_put_link_key(struct layout_columns *columns, const struct fold_text_count *row);

#endif
