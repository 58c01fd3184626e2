/*
 * forward: pass a durable update on to the operator's own bot and bring back its answer.
 *
 * The same body and Telegram's headers go to one address by POST, with the update's trace. No
 * redirect is followed, no proxy of the environment is used, and an answer is bounded in size and
 * time. Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_FORWARD_H
#define SERVICES_GATEWAY_TELEGRAM_FORWARD_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"
#include "libs/loop/loop.h"

#define FORWARD_HEADERS_MAX 16
#define FORWARD_ANSWER_MAX (1 << 20) /* bytes of the bot's answer */

struct forward;

struct forward_header {
    struct bytes name;
    struct bytes value;
};

struct forward_request {
    struct forward_header headers[FORWARD_HEADERS_MAX];
    size_t header_count;
    struct bytes body; /* borrowed until fn was called; the headers are copied */
};

struct forward_answer {
    int status;                /* 0: no usable answer, and `error` says why */
    struct bytes content_type; /* data NULL: none */
    struct bytes body;
    int64_t retry_after_s; /* 0: none */
    const char *error;     /* one line without address or content */
};

/* The views of `answer` live until fn returns. */
typedef void (*forward_fn)(void *arg, const struct forward_answer *answer);

/* ERR_FATAL: the URL is not one of http or https. */
MUST_CHECK bool forward_open(struct loop *loop, const char *url, int64_t timeout_ms,
                             struct forward **out, struct err *err);
void forward_free(struct forward *forward); /* nothing is on its way; NULL is fine */

/* fn(arg) is called exactly once, later. */
void forward_send(struct forward *forward, const struct forward_request *request, forward_fn fn,
                  void *arg);

#endif
