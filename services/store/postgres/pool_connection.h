/*
 * pool_connection: one non-blocking connection of the pool: connecting, idle, or busy with one
 * question.
 */
#ifndef SERVICES_STORE_POSTGRES_POOL_CONNECTION_H
#define SERVICES_STORE_POSTGRES_POOL_CONNECTION_H

#include "services/store/postgres/pool.h"

enum pool_connection_state {
    POOL_CONNECTING, /* the handshake is under way */
    POOL_IDLE,       /* ready for a question */
    POOL_BUSY,       /* `question` is with the server */
    POOL_BROKEN,     /* failed; `error` says why; to be freed by the pool */
};

struct pool_connection {
    enum pool_connection_state state;
    PGconn *conn;
    struct loop_watch *watch;
    struct pool_question *question; /* BUSY */
    PGresult *result;               /* BUSY: what decides the answer, once it is there */
    uint64_t prepared_version;
    uint32_t prepared; /* bits by slot: statements the server knows */
    int64_t since_ms;  /* when the state began */
    struct err error;  /* BROKEN */
    struct loop *loop;
    void (*changed)(
        void *self,
        struct pool_connection *connection); /* state changed, or an answer is complete */
    void *self;
};

/* Start connecting; `changed` is called on the loop when it becomes IDLE or BROKEN, never from
 * inside this call: look at the state after it. */
struct pool_connection *
pool_connection_open(struct loop *loop, const struct connect_options *options,
                     void (*changed)(void *self, struct pool_connection *connection), void *self);

/* Send a question; the connection is IDLE. `changed` is called when it is IDLE again (result is
 * set, the caller takes it) or BROKEN, never from inside this call: look at the state after it. */
void pool_connection_ask(struct pool_connection *connection, struct pool_question *question);

void pool_connection_free(struct pool_connection *connection); /* closes at once */

#endif
