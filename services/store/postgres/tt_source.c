#include "services/store/postgres/tt_source.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "services/store/postgres/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_ROWS 1000
#define COLUMNS_MAX 7
#define SQL_BYTES_MAX 4096
#define TABLE_BYTES_MAX 160 /* two quoted names; each character of one may be doubled */
#define INT64_TEXT_MAX 24

/* One character more than an event's link has bytes: enough to see that it is cut. */
#define LINK_CHARACTERS "2049"

struct column {
    const char *name;
    const char *value;
    const char *absent; /* what stands for it where there is none; NULL: it must be there */
};

/* The first one is the primary key. In the order in which fill_* takes them. */
static const struct table {
    const char *name;
    struct column columns[COLUMNS_MAX];
} TABLES[IMPORT_TABLES] = {
    [IMPORT_USERS] = {"users",
                      {{"user_id", "user_id::bigint", NULL},
                       {"registered_at", "registered_at::bigint", NULL},
                       {"lang", "coalesce(left(lang, 64), 'en')", NULL},
                       {"link", "left(link, " LINK_CHARACTERS ")", NULL},
                       {"file_mode", "coalesce(file_mode, false)", NULL},
                       {"ad_count", "coalesce(ad_count, 0)::bigint", "0"},
                       {"ad_cooldown", "coalesce(ad_cooldown, 0)::bigint", "0"}}},
    [IMPORT_VIDEOS] = {"videos",
                       {{"pk_id", "pk_id::bigint", NULL},
                        {"user_id", "coalesce(user_id, 0)::bigint", NULL},
                        {"downloaded_at", "downloaded_at::bigint", NULL},
                        {"video_link", "coalesce(left(video_link, " LINK_CHARACTERS "), '')", NULL},
                        {"is_images", "coalesce(is_images, false)", NULL},
                        {"is_processed", "coalesce(is_processed, false)", "false"},
                        {"is_inline", "coalesce(is_inline, false)", "false"}}},
    [IMPORT_MUSIC] = {"music",
                      {{"pk_id", "pk_id::bigint", NULL},
                       {"user_id", "coalesce(user_id, 0)::bigint", NULL},
                       {"downloaded_at", "downloaded_at::bigint", NULL},
                       {"video_id", "coalesce(video_id, 0)::bigint", NULL}}},
};

struct tt_source {
    struct session *session;
    char tables[IMPORT_TABLES][TABLE_BYTES_MAX]; /* schema and name, quoted */
    char pages[IMPORT_TABLES][SQL_BYTES_MAX];    /* statements */
    PGresult *result;                            /* of the last page: its texts */
    struct import_row rows[PAGE_ROWS];
};

/* ---- opening ---- */

static bool name_tables(struct tt_source *source, const char *schema, struct err *err)
{
    char *quoted = PQescapeIdentifier(session_conn(source->session), schema, strlen(schema));
    if (quoted == NULL)
        return err_set(err, ERR_FATAL, "the schema's name cannot be quoted");
    for (int i = 0; i < IMPORT_TABLES; i++)
        (void)snprintf(source->tables[i], TABLE_BYTES_MAX, "%s.%s", quoted, TABLES[i].name);
    PQfreemem(quoted);
    return true;
}

static bool has_column(const PGresult *columns, const char *name)
{
    for (int row = 0; row < PQntuples(columns); row++)
        if (strcmp(PQgetvalue(columns, row, 0), name) == 0)
            return true;
    return false;
}

static bool load_columns(struct tt_source *source, enum import_table table, PGresult **out,
                         struct err *err)
{
    static const char sql[] = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1)"
                              " AND attnum > 0 AND NOT attisdropped";
    const char *const values[] = {source->tables[table]};
    return session_query(source->session, sql, &(struct session_texts){values, 1}, out, err);
}

static bool add_column(struct buf *sql, const struct column *column, bool is_there, struct err *err)
{
    const char *value = is_there ? column->value : column->absent;
    if (value == NULL)
        return err_set(err, ERR_FATAL, "no column %s; is it a TT-Bot database?", column->name);
    bool fits = buf_appendf(sql, "%s%s", sql->len == 0 ? "SELECT " : ", ", value);
    assert(fits);
    return true;
}

static bool write_statement(struct tt_source *source, enum import_table table,
                            const PGresult *columns, struct err *err)
{
    const struct table *known = &TABLES[table];
    bool is_known = true;
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    for (int i = 0; is_known && i < COLUMNS_MAX && known->columns[i].name != NULL; i++)
        is_known =
            add_column(&sql, &known->columns[i], has_column(columns, known->columns[i].name), err);
    if (is_known)
        (void)snprintf(source->pages[table], SQL_BYTES_MAX,
                       "%.*s FROM %s WHERE %s >= $1::bigint ORDER BY %s LIMIT %d", (int)sql.len,
                       sql.data, source->tables[table], known->columns[0].name,
                       known->columns[0].name, PAGE_ROWS);
    buf_done(&sql);
    return is_known || err_prefix(err, "table %s", source->tables[table]);
}

static bool look_at_table(struct tt_source *source, enum import_table table, struct err *err)
{
    AUTO(result) PGresult *columns = NULL;
    if (!load_columns(source, table, &columns, err))
        return false;
    if (PQntuples(columns) == 0)
        return err_set(err, ERR_FATAL, "there is no table %s; is it a TT-Bot database?",
                       source->tables[table]);
    return write_statement(source, table, columns, err);
}

static bool take_snapshot(struct tt_source *source, const char *schema, struct err *err)
{
    /* A database without an encoding has bytes of any kind, which the server would not send as
     * UTF-8: one bad row would end all. */
    static const char as_it_is[] = "SELECT set_config('client_encoding', 'SQL_ASCII', false)"
                                   " WHERE current_setting('server_encoding') = 'SQL_ASCII'";
    if (!session_run(source->session, as_it_is, err) ||
        !session_run(source->session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
        !name_tables(source, schema, err))
        return false;
    for (int i = 0; i < IMPORT_TABLES; i++)
        if (!look_at_table(source, (enum import_table)i, err))
            return false;
    return true;
}

bool tt_source_open(const struct session_options *options, const char *schema,
                    struct tt_source **out, struct err *err)
{
    struct tt_source *source = mem_alloc(sizeof(*source));
    if (!session_open(options, &source->session, err) || !take_snapshot(source, schema, err)) {
        tt_source_free(source);
        return err_prefix(err, "the old database");
    }
    *out = source;
    return true;
}

void tt_source_free(struct tt_source *source)
{
    if (source == NULL)
        return;
    PQclear(source->result);
    session_free(source->session);
    free(source);
}

/* ---- rows ---- */

static struct bytes text_at(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (struct bytes){0};
    return (struct bytes){PQgetvalue(result, row, column),
                          (size_t)PQgetlength(result, row, column)};
}

/* NULL: 0. */
static int64_t int64_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(text_at(result, row, column), &number);
    return number;
}

static bool bool_at(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

static void fill_time(const PGresult *result, int number, int column, struct import_row *row)
{
    row->has_time = !PQgetisnull(result, number, column);
    row->time_s = int64_at(result, number, column);
}

static void fill_user(const PGresult *result, int number, struct import_row *row)
{
    row->user_id = row->key;
    fill_time(result, number, 1, row);
    row->user.lang = text_at(result, number, 2);
    row->user.link = text_at(result, number, 3);
    row->user.file_mode = bool_at(result, number, 4);
    row->user.ad_count = int64_at(result, number, 5);
    row->user.ad_cooldown = int64_at(result, number, 6);
}

static void fill_fact(const PGresult *result, int number, enum import_table table,
                      struct import_row *row)
{
    row->user_id = int64_at(result, number, 1);
    fill_time(result, number, 2, row);
    if (table == IMPORT_MUSIC) {
        row->music_video_id = int64_at(result, number, 3);
        return;
    }
    row->video.link = text_at(result, number, 3);
    row->video.is_images = bool_at(result, number, 4);
    row->video.is_processed = bool_at(result, number, 5);
    row->video.is_inline = bool_at(result, number, 6);
}

static bool page(void *self, enum import_table table, int64_t from, struct import_page *out,
                 struct err *err)
{
    struct tt_source *source = self;
    char from_text[INT64_TEXT_MAX];
    const char *const values[] = {from_text};
    (void)snprintf(from_text, sizeof(from_text), "%" PRId64, from);
    PQclear(source->result);
    source->result = NULL;
    if (!session_query(source->session, source->pages[table], &(struct session_texts){values, 1},
                       &source->result, err))
        return err_prefix(err, "the old database");
    int count = PQntuples(source->result);
    for (int i = 0; i < count; i++) {
        struct import_row *row = &source->rows[i];
        *row = (struct import_row){.key = int64_at(source->result, i, 0)};
        if (table == IMPORT_USERS)
            fill_user(source->result, i, row);
        else
            fill_fact(source->result, i, table, row);
    }
    *out = (struct import_page){source->rows, (size_t)count};
    return true;
}

static bool count(void *self, enum import_table table, int64_t *out, struct err *err)
{
    struct tt_source *source = self;
    char sql[SQL_BYTES_MAX];
    AUTO(result) PGresult *result = NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", source->tables[table]);
    if (!session_query(source->session, sql, NULL, &result, err))
        return err_prefix(err, "the old database");
    *out = int64_at(result, 0, 0);
    return true;
}

struct import_source tt_source_port(struct tt_source *source)
{
    return (struct import_source){.count = count, .page = page, .self = source};
}
