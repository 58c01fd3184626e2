/*
 * http_client: a blocking HTTP client for tests, which sends exactly the bytes it is given.
 *
 * Every call gives up after 20 seconds, so a test fails instead of hanging. For threads other than
 * the loop's.
 */
#ifndef TESTS_SUPPORT_HTTP_CLIENT_H
#define TESTS_SUPPORT_HTTP_CLIENT_H

#include "libs/base/bytes.h"

struct http_client_answer {
    int status; /* 0: the connection ended before a whole answer */
    char *head; /* with its last empty line; ended by NUL */
    char *body; /* ended by NUL */
    size_t body_len;
};

/* A connection to 127.0.0.1, or -1. */
int http_client_open(int port);
void http_client_close(int fd);

/* Closing it makes the other side see a reset. */
void http_client_reset(int fd);

/* False: the other side has closed. */
bool http_client_send(int fd, struct bytes data);
bool http_client_send_text(int fd, const char *text);

/* The next answer; without_body: to a HEAD request. The caller ends it with
 * http_client_answer_done. */
struct http_client_answer http_client_receive(int fd, bool without_body);
void http_client_answer_done(struct http_client_answer *answer);

/* The next answer's status only. */
int http_client_status(int fd);

/* Wait until the other side closes; true when no byte came before that. */
bool http_client_is_ended(int fd);

/* No byte has come so far. */
bool http_client_is_silent(int fd);

#endif
