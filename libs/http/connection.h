/*
 * connection: one client, and the one request of it that is being read or answered.
 *
 * To the handler it is a struct http_exchange. It is freed when the descriptor is closed and no
 * answer is owed. Everything runs on the loop's thread.
 */
#ifndef LIBS_HTTP_CONNECTION_H
#define LIBS_HTTP_CONNECTION_H

#include "libs/base/buf.h"
#include "libs/http/chunks.h"
#include "libs/http/deadlines.h"
#include "libs/http/parser.h"
#include "libs/http/server.h"

#include <event2/event.h>
#include <event2/event_struct.h>

enum connection_state {
    CONNECTION_IDLE,    /* nothing of a request is here */
    CONNECTION_HEAD,    /* a part of a head may be here */
    CONNECTION_BODY,    /* the handler wants the body, which is not complete */
    CONNECTION_HANDLED, /* the handler has the exchange and owes the answer */
    CONNECTION_ANSWER,  /* the kernel did not take the whole answer yet */
    CONNECTION_LINGER,  /* the answer is out; what still comes in is thrown away */
    CONNECTION_CLOSED,  /* the descriptor is closed; an answer may still be owed */
};

#define HTTP_DATE_BYTES sizeof("Thu, 01 Jan 1970 00:00:00 GMT")

/* What all connections of a server share. Each connection is in exactly one of the lists. */
struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct http_handler handler;
    struct deadlines idle;
    struct deadlines request;
    struct deadlines handled; /* no deadline: the handler bounds its own time */
    struct deadlines answer;
    struct deadlines linger;
    struct loop_timer *sweep;
    struct event accept_event;
    int listen_fd; /* -1: draining */
    int port;
    int connections;
    bool is_accepting;
    bool is_draining;
    uint64_t refused;
    struct buf scratch; /* an answer's head while it is formatted */
    char date[HTTP_DATE_BYTES];
};

struct http_exchange {
    struct http_server *server;
    int fd;
    enum connection_state state;
    struct deadline deadline;
    struct event read_event;
    struct event write_event; /* in use while the state is CONNECTION_ANSWER */
    bool is_reading;          /* read_event is added */
    bool is_running;          /* connection_run is on the stack */
    bool is_in_head;          /* the handler's on_head is on the stack */
    bool owes_answer;         /* the handler has seen the request and did not answer yet */
    bool is_complete;         /* the whole request was read */
    bool closes;              /* after the answer */
    struct http_parser parser;
    struct http_chunks chunks;
    bool body_is_apart; /* in `body`, else in `in` behind the head */
    struct buf body;
    struct buf out;  /* what the kernel did not take yet */
    size_t out_done; /* bytes of it that are sent */
    size_t lingered; /* bytes thrown away */
    size_t in_len;
    size_t in_capacity;
    char in[]; /* the request's first bytes, at one address until it is answered */
};

/* Takes the descriptor. */
void connection_open(struct http_server *server, int fd);

/* Close at once; an answer that is owed goes nowhere. Frees the exchange unless one is owed. */
void connection_drop(struct http_exchange *exchange);

/* Answer an error of the protocol and close. May free the exchange. */
void connection_refuse(struct http_exchange *exchange, int status);

/* For connection.c and connection_answer.c: */

/* Close; connection_run frees. */
void connection_end(struct http_exchange *exchange);

/* Go on with what has been read, then free the exchange if nothing is left of it. */
void connection_run(struct http_exchange *exchange);
void connection_enter(struct http_exchange *exchange, enum connection_state state,
                      struct deadlines *list);
void connection_read_on(struct http_exchange *exchange, bool is_on);

/* The answer is out: be ready for the next request. */
void connection_next_request(struct http_exchange *exchange);

/* Count a request that the server itself refuses, and tell the handler. */
void server_refused(struct http_server *server, int status);

/* A connection is gone: there is room for another one. */
void server_connection_gone(struct http_server *server);

#endif
