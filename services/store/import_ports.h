/*
 * import_ports: the rows of another bot's database, read in pages.
 *
 * Adapter: postgres/tt_source. Fake: in the unit test of import. Everything runs on the command's
 * one thread.
 */
#ifndef SERVICES_STORE_IMPORT_PORTS_H
#define SERVICES_STORE_IMPORT_PORTS_H

#include "libs/base/err.h"
#include "libs/wire/event.h"

enum import_table { IMPORT_USERS, IMPORT_VIDEOS, IMPORT_MUSIC }; /* in the order of importing */
#define IMPORT_TABLES 3

/* A row of TT-Bot's tables. A text is what the database gave: it may be longer than an event takes,
 * and not UTF-8. */
struct import_row {
    int64_t key; /* the primary key: user_id of users, pk_id of the others */
    int64_t user_id;
    bool has_time; /* registered_at, downloaded_at */
    int64_t time_s;
    union {
        struct {
            struct bytes lang;
            struct bytes link; /* data NULL: NULL */
            bool file_mode;
            int64_t ad_count;
            int64_t ad_cooldown;
        } user;
        struct {
            struct bytes link;
            bool is_images;
            bool is_processed;
            bool is_inline;
        } video;
        int64_t music_video_id;
    };
};

struct import_page {
    const struct import_row *rows; /* ascending keys */
    size_t count;                  /* 0: there are no more */
};

/* All calls answer from one snapshot. ERR_RETRY: the database is unwell. ERR_FATAL: its tables are
 * not TT-Bot's. */
struct import_source {
    bool (*count)(void *self, enum import_table table, int64_t *out, struct err *err);
    /* Rows from this key on; they live until the next call. */
    bool (*page)(void *self, enum import_table table, int64_t from, struct import_page *out,
                 struct err *err);
    void *self;
};

#endif
