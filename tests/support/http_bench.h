/*
 * http_bench: one test's HTTP server on a loop, and a thread that plays its client.
 *
 * /echo answers with the query and the body, /fields with the fields, /big with a large body;
 * /later is answered when the test says so. Field X-Refuse: 401 before the body.
 */
#ifndef TESTS_SUPPORT_HTTP_BENCH_H
#define TESTS_SUPPORT_HTTP_BENCH_H

#include "libs/http/server.h"

#include <semaphore.h>

#define HTTP_BENCH_BIG_LEN (8U << 20)
#define HOST "Host: a\r\n"
#define GET_ECHO "GET /echo?0 HTTP/1.1\r\n" HOST "\r\n"
#define GET_LATER "GET /later HTTP/1.1\r\n" HOST "\r\n"

struct http_bench {
    struct loop *loop;
    struct http_server *server;
    int port;
    void (*client)(void);
    char failure[256]; /* written by the client's thread, read after it has ended */
    struct http_exchange *later[8];
    size_t later_count;
    sem_t later_came; /* one post for each request of /later */
    int requests;
    uint64_t refused;   /* times that the handler was told */
    int refused_status; /* of the last one */
    struct loop_timer *watcher;
    int wanted_connections;
    sem_t wanted_came;
};

extern struct http_bench http_bench; /* the running test's */
extern const struct http_limits HTTP_BENCH_LIMITS;
extern char *http_bench_big; /* between make_big and free_big, which are cmocka's for a group */

int http_bench_make_big(void **state);
int http_bench_free_big(void **state);

/* Run a server until the client has ended and everything that it checked holds. Then
 * http_bench_end. */
void http_bench_serve(const struct http_limits *limits, void (*client)(void));
void http_bench_end(void);

/* For loop_post. */
void http_bench_answer_all_later(void *self);
void http_bench_drain(void *self);

/* ---- on the client's thread, where cmocka's assertions, which jump, may not be used ---- */

#define CHECK(condition) http_bench_check((condition), #condition, __LINE__)
void http_bench_check(bool holds, const char *condition, int line);

/* Wait until the server has this many connections. */
void http_bench_wait_for_connections(int count);

int http_bench_status_of(int fd, const char *request);

/* The status of a request that must also end the connection. */
void http_bench_check_refused(const char *request, int status);

#endif
