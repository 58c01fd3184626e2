#include "services/gateway/kafka/topics.h"

#include "tests/support/mock_kafka.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SLOW_MS 300 /* of the mock's broker */
#define BROKER 1

static bool create(struct mock_kafka *mock, int answer_ms, int *out_created, struct err *err)
{
    const struct topics_plan plan = {
        .replication_factor = 1, .raw_retention_ms = 3600000, .answer_ms = answer_ms};
    return topics_create(&mock->options, &plan, out_created, err);
}

static void make_all(struct mock_kafka *mock)
{
    static const char *const NAMES[] = {"t.raw.v1", "t.lease.v1"}; /* it has t.events.v1 */
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
        rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(mock->cluster, NAMES[i], 1, 1);
        /* The mock makes a topic, too, when a client asks for it. */
        assert_true(code == RD_KAFKA_RESP_ERR_NO_ERROR ||
                    code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
    }
}

static void creating_waits_for_a_slow_broker_as_long_as_it_is_told(void **state)
{
    struct mock_kafka *mock = *state;
    int created = -1;
    struct err err;
    make_all(mock);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(mock->cluster, BROKER, SLOW_MS), 0);
    assert_false(create(mock, SLOW_MS / 4, &created, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(create(mock, MOCK_PATIENCE_MS, &created, &err));
    assert_int_equal(created, 0);
}

static void creating_ends_when_no_broker_answers_in_time(void **state)
{
    struct mock_kafka *mock = *state;
    int created = -1;
    struct err err;
    assert_int_equal(rd_kafka_mock_broker_set_down(mock->cluster, BROKER), 0);
    assert_false(create(mock, SLOW_MS, &created, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, "no answer from Kafka within 300 ms"));
    assert_int_equal(created, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(creating_waits_for_a_slow_broker_as_long_as_it_is_told,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(creating_ends_when_no_broker_answers_in_time,
                                        mock_kafka_set_up, mock_kafka_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
