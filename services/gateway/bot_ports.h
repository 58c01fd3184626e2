/*
 * bot_ports: what the core needs of the Bot API: one call that is waited for (the command line),
 * and one at a time on the loop (polling, the look at the webhook).
 */
#ifndef SERVICES_GATEWAY_BOT_PORTS_H
#define SERVICES_GATEWAY_BOT_PORTS_H

#include "libs/base/buf.h"

#include <stdint.h>

struct bot_field {
    const char *name;
    struct bytes value;
    bool is_file; /* sent as the content of an uploaded file */
};

struct bot_request {
    const char *method;
    const struct bot_field *fields;
    size_t field_count;
};

struct bot_port {
    /* Append the body of the answer, whatever its status, to `out_answer`. ERR_RETRY: no whole
     * answer came; the text holds neither address nor token. */
    bool (*call)(void *self, const struct bot_request *request, struct buf *out_answer,
                 struct err *err);
    void *self;
};

/* Called once for each call that was not cancelled; the body lives until it returns. data NULL: no
 * whole answer came, which was told. */
typedef void (*bot_answer_fn)(void *arg, struct bytes body);

struct bot_question {
    const char *method;
    const char *json; /* the method's parameters */
    int64_t timeout_ms;
};

/* One call of the Bot API at a time. */
struct bot_line {
    /* `question` is copied. fn(arg) is called later. */
    void (*call)(void *self, const struct bot_question *question, bot_answer_fn fn, void *arg);
    void (*cancel)(void *self); /* nothing on its way is fine */
    void *self;
};

#endif
