/*
 * refusal: brokers do not let this client in, or do not allow what it asks: a person must act.
 *
 * Each one is an alarm with a code of its own (libs/ops/refusals), told by one thread of a process.
 */
#ifndef LIBS_KAFKA_REFUSAL_H
#define LIBS_KAFKA_REFUSAL_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

enum kafka_refusal {
    KAFKA_REFUSAL_NONE,   /* another error, or none at all */
    KAFKA_REFUSAL_LOGIN,  /* a wrong password, an unknown user */
    KAFKA_REFUSAL_RIGHTS, /* an ACL is missing */
    KAFKA_REFUSAL_TLS,    /* a certificate is not trusted, or expired */
};

/* A broker that does not like our certificate says so when the connection seems to be open, which
 * for librdkafka is any lost connection: only `text` tells. NULL: there is none. */
enum kafka_refusal kafka_refusal_of(rd_kafka_resp_err_t code, const char *text);

/* Raise the alarm if it is a refusal; true: it is. `text` says which broker and why; it holds no
 * secret, as librdkafka's own texts. */
bool kafka_refusal_tell(rd_kafka_resp_err_t code, const char *text);

void kafka_refusals_add(void); /* once at start */

#endif
