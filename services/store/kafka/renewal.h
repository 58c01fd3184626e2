/*
 * renewal: when the client of librdkafka must give way to a new one.
 *
 * There are two reasons. The certificate files have changed, and only a new client reads them. Or
 * Kafka refused the records for lack of a right: librdkafka tells that once in a client's life and
 * then asks on in silence, so only a new client tells whether it is over. A new client takes over
 * when it may read; until then the old one stays. One thread.
 */
#ifndef SERVICES_STORE_KAFKA_RENEWAL_H
#define SERVICES_STORE_KAFKA_RENEWAL_H

#include "libs/base/backoff.h"
#include "libs/base/err.h"
#include "libs/base/settings.h"

#include <librdkafka/rdkafka.h>

struct tls_files;

struct renewal {
    struct tls_files *files;     /* NULL: there are none */
    int64_t look_at_ms;          /* when they are looked at again */
    bool has_changed_files;      /* why a new client is being made */
    rd_kafka_resp_err_t refusal; /* what was said when records were refused; 0: they are not */
    int64_t retry_at_ms;         /* when a refused client is replaced */
    struct backoff backoff;
};

void renewal_init(struct renewal *renewal, const struct settings_pairs *passed);
void renewal_done(struct renewal *renewal);

/* There is nothing to look at: the cheap answer for every poll. */
static inline bool renewal_is_idle(const struct renewal *renewal)
{
    return renewal->files == NULL && renewal->refusal == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A new client is to be made now: then renewal_made or renewal_failed. */
bool renewal_is_due(struct renewal *renewal, int64_t now_ms);
void renewal_made(struct renewal *renewal);
void renewal_failed(struct renewal *renewal, const struct err *err);

/* The records that were asked for came not, but this error: an alarm if it is a refusal. */
void renewal_note(struct renewal *renewal, rd_kafka_resp_err_t code, const char *text);

#endif
