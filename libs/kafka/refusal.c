#include "libs/kafka/refusal.h"

#include "libs/ops/refusals.h"

#include <string.h>

#define MSG "Kafka refuses us"

static struct refusal refusals[] = {
    [KAFKA_REFUSAL_LOGIN] = {.code = "not_authenticated", .msg = MSG, .is_alarm = true},
    [KAFKA_REFUSAL_RIGHTS] = {.code = "not_authorized", .msg = MSG, .is_alarm = true},
    [KAFKA_REFUSAL_TLS] = {.code = "tls_failed", .msg = MSG, .is_alarm = true},
};

void kafka_refusals_add(void)
{
    refusals_add("kafka", refusals, sizeof(refusals) / sizeof(*refusals));
}

/* OpenSSL's own words; a connection that merely breaks has others. */
static bool is_about_certificates(const char *text)
{
    return text != NULL && strstr(text, "SSL routines") != NULL &&
           (strstr(text, " alert ") != NULL || strstr(text, "certificate") != NULL);
}

enum kafka_refusal kafka_refusal_of(rd_kafka_resp_err_t code, const char *text)
{
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
        return KAFKA_REFUSAL_LOGIN;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
        return KAFKA_REFUSAL_RIGHTS;
    bool is_tls = code == RD_KAFKA_RESP_ERR__SSL ||
                  (code == RD_KAFKA_RESP_ERR__TRANSPORT && is_about_certificates(text));
    return is_tls ? KAFKA_REFUSAL_TLS : KAFKA_REFUSAL_NONE;
}

bool kafka_refusal_tell(rd_kafka_resp_err_t code, const char *text)
{
    enum kafka_refusal refusal = kafka_refusal_of(code, text);
    if (refusal == KAFKA_REFUSAL_NONE)
        return false;
    log_refusal(&refusals[refusal], LOG_TEXT("text", text));
    return true;
}
