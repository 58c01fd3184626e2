#include "libs/kafka/refusal.h"

#include "libs/base/log.h"
#include "tests/support/capture.h"
#include "tests/support/metrics_text.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_a_person_must_mend_is_a_refusal(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum kafka_refusal refusal;
    } cases[] = {
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, KAFKA_REFUSAL_LOGIN},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, KAFKA_REFUSAL_LOGIN},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, KAFKA_REFUSAL_RIGHTS},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, KAFKA_REFUSAL_RIGHTS},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, KAFKA_REFUSAL_RIGHTS},
        {RD_KAFKA_RESP_ERR__SSL, KAFKA_REFUSAL_TLS},
        {RD_KAFKA_RESP_ERR_NO_ERROR, KAFKA_REFUSAL_NONE},
        {RD_KAFKA_RESP_ERR__TRANSPORT, KAFKA_REFUSAL_NONE},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, KAFKA_REFUSAL_NONE},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, KAFKA_REFUSAL_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(kafka_refusal_of(cases[i].code, NULL), cases[i].refusal);
}

static void a_certificate_that_the_other_side_refuses_is_told_from_a_lost_connection(void **state)
{
    static const char *const refusals[] = {
        "ssl://b:1/1: Receive failed: error:0A000416:SSL routines::sslv3 alert certificate "
        "unknown: "
        "SSL alert number 46",
        "ssl://b:1/1: error:0A000086:SSL routines::certificate verify failed",
    };
    static const char *const losses[] = {
        "ssl://b:1/1: Receive failed: error:0A000126:SSL routines::unexpected eof while reading",
        "ssl://b:1/1: Connect to ipv4#b:1 failed: Connection refused",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kafka_refusal_of(RD_KAFKA_RESP_ERR__TRANSPORT, refusals[i]),
                         KAFKA_REFUSAL_TLS);
        assert_int_equal(kafka_refusal_of(RD_KAFKA_RESP_ERR__TIMED_OUT, refusals[i]),
                         KAFKA_REFUSAL_NONE);
        assert_int_equal(kafka_refusal_of(RD_KAFKA_RESP_ERR__TRANSPORT, losses[i]),
                         KAFKA_REFUSAL_NONE);
    }
}

static void a_refusal_is_told_once_and_counted_always(void **state)
{
    char text[2048];
    (void)state;
    assert_true(metrics_text_has("refusals_total{where=\"kafka\",code=\"not_authorized\"} 0\n"));
    struct capture capture = capture_begin();
    for (int i = 0; i < 3; i++)
        assert_true(kafka_refusal_tell(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no right"));
    (void)capture_end(&capture, text, sizeof(text));
    const char *line = strstr(text, "level=error");
    assert_non_null(line);
    assert_non_null(
        strstr(line, "where=kafka code=not_authorized text=\"no right\" suppressed=0\n"));
    assert_null(strstr(line + 1, "level=error"));
    assert_true(metrics_text_has("refusals_total{where=\"kafka\",code=\"not_authorized\"} 3\n"));
    assert_true(metrics_text_has("refusals_total{where=\"kafka\",code=\"tls_failed\"} 0\n"));
}

static void another_error_is_none_of_its_business(void **state)
{
    char text[2048];
    (void)state;
    struct capture capture = capture_begin();
    assert_false(kafka_refusal_tell(RD_KAFKA_RESP_ERR__TRANSPORT, "away"));
    (void)capture_end(&capture, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_person_must_mend_is_a_refusal),
        cmocka_unit_test(a_certificate_that_the_other_side_refuses_is_told_from_a_lost_connection),
        cmocka_unit_test(a_refusal_is_told_once_and_counted_always),
        cmocka_unit_test(another_error_is_none_of_its_business),
    };
    log_init("telefact-test", "1", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    kafka_refusals_add();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
