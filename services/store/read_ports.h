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

#define READ_IDS_PAGE 1000 /* ids of one page */

enum read_kind {
    READ_PING,     /* can the database be reached? */
    READ_FENCES,   /* the position alone */
    READ_USER,     /* one row of users */
    READ_USER_IDS, /* one page of registered ids */
    READ_TOTALS,   /* all-time totals */
};
#define READ_KINDS 5

enum chat_class { CHAT_CLASS_EVERY, CHAT_CLASS_USER, CHAT_CLASS_GROUP };

struct read_request {
    enum read_kind kind;
    int64_t deadline_ms;        /* monotonic; an answer after it is of no use */
    int64_t user_id;            /* USER */
    enum chat_class chat_class; /* USER_IDS, TOTALS; EVERY leaves id 0 out of TOTALS */
    bool include_blocked;       /* USER_IDS */
    int64_t after_id;           /* USER_IDS: ids above this one */
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
    int64_t videos, images;
};

struct read_totals {
    int64_t chats, videos, images, video_users, image_users, music, music_users;
};

struct read_ids {
    const int64_t *ids; /* ascending */
    size_t count;       /* READ_IDS_PAGE: there may be more */
};

/* One snapshot. Views live until the callback returns. */
struct read_answer {
    int32_t generation;    /* whose tables answered; 0 for PING */
    struct bytes position; /* what they include, as a position token; empty for PING */
    union {
        struct read_user user;
        struct read_ids ids;
        struct read_totals totals;
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
