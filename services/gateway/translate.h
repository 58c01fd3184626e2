/*
 * translate: one Telegram update (the body of a webhook request) to the events it makes.
 *
 * Pure and stateless: the same body and context give the same events with the same ids, for ever.
 * Safe on hostile bytes; no recursion. Which updates make which events: docs/events.md, "From
 * updates to events". Thread-safe: threads share nothing.
 */
#ifndef SERVICES_GATEWAY_TRANSLATE_H
#define SERVICES_GATEWAY_TRANSLATE_H

#include "libs/base/bytes.h"
#include "libs/wire/event.h"
#include "libs/wire/record.h"

#define TRANSLATE_EVENTS_MAX 4  /* events of one update */
#define TRANSLATE_LEVELS_MAX 64 /* nested objects and arrays, the update itself included */

/* The update kinds of Bot API 10.2, for metrics; the order is that of the API's documentation. */
enum update_kind {
    UPDATE_OTHER, /* unreadable, or a kind newer than this build */
    UPDATE_MESSAGE,
    UPDATE_EDITED_MESSAGE,
    UPDATE_CHANNEL_POST,
    UPDATE_EDITED_CHANNEL_POST,
    UPDATE_BUSINESS_CONNECTION,
    UPDATE_BUSINESS_MESSAGE,
    UPDATE_EDITED_BUSINESS_MESSAGE,
    UPDATE_DELETED_BUSINESS_MESSAGES,
    UPDATE_GUEST_MESSAGE,
    UPDATE_MESSAGE_REACTION,
    UPDATE_MESSAGE_REACTION_COUNT,
    UPDATE_INLINE_QUERY,
    UPDATE_CHOSEN_INLINE_RESULT,
    UPDATE_CALLBACK_QUERY,
    UPDATE_SHIPPING_QUERY,
    UPDATE_PRE_CHECKOUT_QUERY,
    UPDATE_PURCHASED_PAID_MEDIA,
    UPDATE_POLL,
    UPDATE_POLL_ANSWER,
    UPDATE_MY_CHAT_MEMBER,
    UPDATE_CHAT_MEMBER,
    UPDATE_CHAT_JOIN_REQUEST,
    UPDATE_CHAT_BOOST,
    UPDATE_REMOVED_CHAT_BOOST,
    UPDATE_MANAGED_BOT,
    UPDATE_SUBSCRIPTION,
    UPDATE_KINDS, /* how many there are */
};

/* The field of the update object that names the kind ("message" …); "other" for UPDATE_OTHER. */
const char *update_kind_name(enum update_kind kind);

struct translate_context {
    int64_t bot_id;
    int64_t received_at_ms; /* the gateway's clock when the body had arrived */
    struct bytes producer;  /* program and version; events borrow it */
};

enum translate_outcome {
    TRANSLATE_EVENTS, /* event_count >= 1: publish the events */
    TRANSLATE_RAW,    /* event_count == 0: the body belongs into the raw topic, with raw_reason */
};

struct translation {
    enum translate_outcome outcome;
    enum raw_reason
        raw_reason; /* TRANSLATE_RAW: NO_EVENT, UNPARSABLE or TOO_DEEP; TOO_LARGE is the caller's */
    enum update_kind kind;
    int64_t update_id; /* 0: unreadable */
    size_t event_count;
    struct event events[TRANSLATE_EVENTS_MAX]; /* complete: envelope, id and subject; views into the
                                                  two below */
    void *document;                            /* owned: the parsed body */
    char *scratch; /* owned: texts that differ from the body's; NULL: none */
};

/* Never fails: what makes no event has an outcome too. `body` is borrowed only until this returns;
 * the events live until translation_done() (and their producer as long as the context's). *out
 * needs no initialisation. */
void translate(struct bytes body, const struct translate_context *context, struct translation *out);

void translation_done(struct translation *translation); /* a zeroed struct is fine */

#endif
