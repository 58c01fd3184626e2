/*
 * read_ports: what the read side needs from the database: one question, one snapshot, one answer.
 *
 * Adapter: postgres/reads. Fake: tests/support. Everything runs on the loop that serves RPCs;
 * nothing here blocks.
 */
#ifndef SERVICES_STORE_READ_PORTS_H
#define SERVICES_STORE_READ_PORTS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define READ_PAGE 1000 /* rows of one page of a list */

enum read_kind {
    READ_PING,          /* can the database be reached? */
    READ_FENCES,        /* the position alone */
    READ_USER,          /* a chat's row, and that of the group it was */
    READ_PROFILE,       /* who pressed /start */
    READ_USER_IDS,      /* one page of registered ids */
    READ_USERS,         /* one page of registered chats */
    READ_USER_VIDEOS,   /* one page of a chat's downloads */
    READ_VIDEOS,        /* one page of all downloads */
    READ_REFERRALS,     /* the most used links */
    READ_OVERVIEW,      /* file mode, languages, chats with most downloads */
    READ_TOTALS,        /* all-time totals */
    READ_WINDOW,        /* totals of a trailing window */
    READ_SERIES_USERS,  /* counts by time */
    READ_SERIES_VIDEOS, /* the same */
    READ_SERIES_MUSIC,  /* the same */
    READ_SERIES_IMAGES, /* the same */
    READ_PIPELINE,      /* open dead letters, and the generations */
};
#define READ_KINDS 17

enum chat_class { CHAT_CLASS_EVERY, CHAT_CLASS_USER, CHAT_CLASS_GROUP };

/* Numbers of a half-open range. */
struct read_span {
    int64_t first, end;
};

/* A trailing window, cut where kept counts begin: times > after. */
struct read_window {
    int64_t after;          /* from the facts: after < time < edge_end */
    int64_t edge_end;       /* an hour begins here */
    struct read_span hours; /* to the end of the day */
    struct read_span days;  /* to the end of the 32 days */
    int64_t block;          /* this block of 32 days and all later ones */
};

/* A range of time, cut where kept counts begin. Its parts share nothing. */
struct read_slices {
    struct read_span all;      /* seconds */
    bool is_daily;             /* buckets are days, else hours */
    struct read_span buckets;  /* numbers of whole buckets */
    struct read_span hours[2]; /* of days that the range cuts */
    struct read_span edges[2]; /* seconds: less than an hour each, from the facts */
};

/* Goes on after this download; see page_token for the beginning. */
struct read_after {
    bool is_unknown; /* all known times are done */
    int64_t time;    /* meaningless when unknown */
    int64_t pk_id;
};

struct read_request {
    enum read_kind kind;
    int64_t deadline_ms;        /* monotonic; an answer after it is of no use */
    enum chat_class chat_class; /* all but those about one chat; EVERY leaves id 0 out of TOTALS
                                   and WINDOW */
    union {
        int64_t user_id; /* USER, PROFILE */
        struct {         /* USER_IDS, USERS */
            int64_t after_id;
            bool include_blocked;
        } ids;
        struct { /* USER_VIDEOS, VIDEOS */
            int64_t user_id;
            struct read_after after;
            bool include_unknown; /* times */
        } videos;
        int32_t limit; /* REFERRALS */
        struct read_window window;
        struct read_slices slices; /* SERIES_* */
    };
};

/* A row of users; a stub is known from facts or settings only. */
struct read_user {
    bool exists;
    bool is_stub;
    int64_t user_id;
    bool has_registered_at;
    int64_t registered_at;
    struct bytes lang;
    struct bytes link; /* data NULL: absent */
    bool file_mode;
    int32_t ad_count;
    int64_t ad_cooldown;
    bool is_lang_set; /* by its user, not by registration */
    bool is_mode_set;
    int64_t videos, images;
};

/* A chat and the group it was before it became a supergroup; either may not exist. */
struct read_chat {
    int64_t user_id;
    struct read_user own, old;
};

struct read_profile {
    bool exists;
    int64_t id;
    struct bytes username; /* data NULL: absent */
    struct bytes first_name;
    bool has_created_at;
    int64_t created_at;    /* unix seconds */
    struct bytes settings; /* a JSON object */
};

struct read_download {
    bool has_time;
    int64_t time;
    int64_t pk_id;
    struct bytes link;
};

struct read_totals {
    int64_t chats, videos, images, video_users, image_users, music, music_users;
};

struct read_text_count {
    struct bytes text;
    int64_t count;
};

struct read_chat_count {
    int64_t user_id;
    int64_t count;
};

struct read_point {
    int64_t time; /* somewhere in the bucket it counts in */
    int64_t count;
};

/* Open dead letters of one partition and cause. */
struct read_letter_count {
    int64_t partition;
    struct bytes cause;
    int64_t count;
    int64_t oldest_ms; /* timestamp of the oldest one's record */
};

struct read_generation {
    int64_t id;
    struct bytes state;
    bool is_paused;
    int64_t created_s; /* unix */
    struct bytes detail;
};

/* Lists of pages have up to READ_PAGE rows; that many: there may be more. */
struct read_ids {
    const int64_t *rows; /* ascending */
    size_t count;
};
struct read_chats {
    const struct read_chat *rows; /* ascending ids */
    size_t count;
};
struct read_downloads {
    const struct read_download *rows; /* by time, pk_id; unknown times last */
    size_t count;
};
struct read_text_counts {
    const struct read_text_count *rows; /* largest first */
    size_t count;
};
struct read_chat_counts {
    const struct read_chat_count *rows; /* largest first */
    size_t count;
};
struct read_points {
    const struct read_point *rows; /* in no order; what shares a bucket is added up */
    size_t count;
};

struct read_letter_counts {
    const struct read_letter_count *rows; /* ascending partitions; at most READ_PAGE */
    size_t count;
};
struct read_generations {
    const struct read_generation *rows; /* the newest first; at most READ_PAGE */
    size_t count;
};

/* One snapshot. Views live until the callback returns. */
struct read_answer {
    int32_t generation;    /* whose tables answered; 0 for PING */
    struct bytes position; /* what they include, as a position token; empty for PING */
    union {
        struct read_chat chat;
        struct read_profile profile;
        struct read_ids ids;
        struct read_chats chats;
        struct read_downloads downloads;
        struct read_text_counts referrals;
        struct {
            int64_t file_modes;
            struct read_text_counts langs;
            struct read_chat_counts top;
        } overview;
        struct read_totals totals; /* TOTALS, WINDOW */
        struct {
            struct read_points points;
            bool has_first;
            int64_t first; /* the oldest time of all */
        } series;
        struct {
            struct read_letter_counts letters;
            struct read_generations generations;
        } pipeline;
    };
};

/* answer NULL: it failed and *err says how: ERR_RETRY the database is unwell or the deadline
 * passed, ERR_REJECT too many questions wait. */
typedef void (*read_fn)(void *arg, const struct read_answer *answer, const struct err *err);

struct read_store {
    /* Ask. fn is called exactly once, never from inside this call, unless cancelled. The ticket is
     * valid until then. */
    struct read_ticket *(*ask)(void *self, const struct read_request *request, read_fn fn,
                               void *arg);
    /* Nobody wants the answer any more; fn will not be called. */
    void (*cancel)(void *self, struct read_ticket *ticket);
    void *self;
};

#endif
