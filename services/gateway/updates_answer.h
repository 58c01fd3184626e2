/*
 * updates_answer: what the Bot API answers to getUpdates, with the bytes of each update.
 *
 * The bytes are those that Telegram sent, so an update has the same event ids and the same raw
 * record whichever way it came. How deep an update nests does not matter here: a hostile one must
 * not hold up the others. Pure; no recursion. Thread-safe.
 */
#ifndef SERVICES_GATEWAY_UPDATES_ANSWER_H
#define SERVICES_GATEWAY_UPDATES_ANSWER_H

#include "libs/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define UPDATES_ANSWER_MAX 100 /* Telegram gives no more at a time */

enum bot_verdict {
    BOT_DONE,      /* the method succeeded */
    BOT_TROUBLE,   /* no usable answer, or 5xx: try again later */
    BOT_WAIT,      /* 429: not before wait_s */
    BOT_CONFLICT,  /* 409: somebody else asks, or a webhook is set */
    BOT_NO_ACCESS, /* 401, 403, 404: the token is not valid */
};

struct polled_update {
    int64_t id;
    struct bytes body; /* view into the answer */
};

struct updates_answer {
    enum bot_verdict verdict;
    int64_t wait_s;  /* BOT_WAIT: as Telegram asked, 0 when it did not say */
    const char *why; /* not BOT_DONE: a constant text */
    struct polled_update updates[UPDATES_ANSWER_MAX];
    size_t count;
};

/* Anything that is not whole and as documented is BOT_TROUBLE with no updates. */
void updates_answer_read(struct bytes answer, struct updates_answer *out);

/* The verdict alone, of any method's answer. */
enum bot_verdict bot_verdict_read(struct bytes answer, int64_t *out_wait_s);

#endif
