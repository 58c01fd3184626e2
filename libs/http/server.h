/*
 * server: a strict, bounded HTTP/1.1 server on a loop.
 *
 * What is refused is refused before it costs anything: at the cap of connections the one that has
 * been idle for longest makes room, and when none is idle new ones wait in the kernel's backlog; a
 * request is shown to the handler when its head is complete and before its body
 * is read, a body beyond the limit is not read, and a request that is not complete within its
 * deadline (from its first byte, not from the last one) is closed. Framing that two programs could
 * read differently is 400 and close: a second Content-Length, Content-Length with
 * Transfer-Encoding, unknown codings, bare CR or LF in a head, white space before a colon, obsolete
 * folding, signs or blanks in numbers. HTTP/1.0 works without keep-alive. Requests on one
 * connection are answered in order, one at a time.
 *
 * Memory: at most max_connections * (head_max + body_max + 4 KiB), and only for bodies that the
 * handler accepted; an answer that a client does not take is kept beside it until the write
 * deadline. Everything runs on the loop's thread.
 */
#ifndef LIBS_HTTP_SERVER_H
#define LIBS_HTTP_SERVER_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"
#include "libs/loop/loop.h"

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_limits {
    int max_connections;
    size_t head_max;             /* bytes of request line and headers */
    size_t body_max;             /* bytes of a body, after chunk decoding */
    int64_t request_deadline_ms; /* from a request's first byte to its last */
    int64_t idle_ms;             /* a connection without a request */
    int64_t write_deadline_ms;   /* to get an answer out */
};

struct http_handler {
    /* The head is there, the body is not. Return true to read the body; on false the handler has
     * answered with http_answer and the connection is closed after it (an unread body cannot be
     * skipped safely). */
    bool (*on_head)(void *self, struct http_exchange *exchange);
    /* The request is complete. Answer now or later, exactly once. A request whose body is late, too
     * large or malformed never gets here: the server has answered it. */
    void (*on_request)(void *self, struct http_exchange *exchange);
    /* The server itself refused a request: with this status, or 0 when the client did not take its
     * answer in time. Only to log and count. NULL is fine. */
    void (*on_refused)(void *self, int status);
    void *self;
};

/* Listen on "host:port" (port 0: any free one). ERR_FATAL: the address cannot be used. */
MUST_CHECK bool http_server_open(struct loop *loop, const char *listen,
                                 const struct http_limits *limits,
                                 const struct http_handler *handler, struct http_server **out,
                                 struct err *err);

/* Accept no more; connections close after the answer they owe. */
void http_server_drain(struct http_server *server);

/* NULL is fine. Not from a callback of the handler. Clients that wait for an answer see their
 * connection closed; an exchange that is owed an answer still lives until http_answer. */
void http_server_free(struct http_server *server);

int http_server_port(const struct http_server *server);
int http_server_connections(const struct http_server *server);

/* Protocol errors, deadlines and limits so far. */
uint64_t http_server_refused(const struct http_server *server);

/* Of the request. Views live until the answer was given. */
struct bytes http_method(const struct http_exchange *exchange);
struct bytes http_path(const struct http_exchange *exchange);  /* without the query */
struct bytes http_query(const struct http_exchange *exchange); /* after '?'; empty when none */
/* The first field of this name; data NULL: there is none. */
struct bytes http_header(const struct http_exchange *exchange, const char *name);
struct bytes http_body(const struct http_exchange *exchange);
size_t http_header_count(const struct http_exchange *exchange);
void http_header_at(const struct http_exchange *exchange, size_t index, struct bytes *out_name,
                    struct bytes *out_value);

struct http_field {
    const char *name;
    struct bytes value;
};

/* Answer. The exchange is gone afterwards. Content-Length and Connection are added. Works on a
 * connection that the client has closed meanwhile (then nothing is sent): an exchange lives until
 * it is answered. */
void http_answer(struct http_exchange *exchange, int status, const struct http_field *fields,
                 size_t count, struct bytes body);

#endif
