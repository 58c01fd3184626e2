#include "services/gateway/kafka/handle.h"

#include "libs/base/now.h"
#include "tests/support/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RECORD_BYTES (1 << 20)
#define QUEUE_RECORDS_MAX 70 /* of that size; librdkafka's queue takes 64 MiB */

static void a_record_is_reported_with_its_place(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome first;
    struct mock_outcome second;
    mock_kafka_deliver(mock, &first);
    mock_kafka_deliver(mock, &second);
    assert_true(first.delivery.is_durable);
    assert_int_equal(first.delivery.partition, record_partition(BYTES_LITERAL("42:7"), 4));
    assert_int_equal(second.delivery.offset, first.delivery.offset + 1);
    assert_int_equal(mock->sink.pending(mock->sink.self), 0);
}

static void a_chat_keeps_its_partition_when_the_topic_grows(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    mock->options.partitions = 3; /* the topic has 4 */
    assert_int_not_equal(record_partition(BYTES_LITERAL("42:7"), 3),
                         record_partition(BYTES_LITERAL("42:7"), 4));
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
    assert_int_equal(outcome.delivery.partition, record_partition(BYTES_LITERAL("42:7"), 3));
}

static void it_is_ready_when_a_broker_is_connected(void **state)
{
    struct mock_kafka *mock = *state;
    assert_false(mock_kafka_is_ready(mock));
    mock_kafka_run_until(mock, mock_kafka_is_ready);
}

static void too_few_replicas_are_waited_for(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 0);
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, 0);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void a_record_too_large_is_told_apart(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct err err;
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 0);
    mock_kafka_deliver(mock, &outcome);
    assert_false(outcome.delivery.is_durable);
    assert_true(outcome.delivery.is_too_large);
    assert_false(mock_kafka_put(mock, 3 << 20, &outcome, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    mock_kafka_deliver(mock, &outcome); /* the producer stays usable */
    assert_true(outcome.delivery.is_durable);
}

static void a_slow_broker_is_given_up_at_the_timeout(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    int64_t began_ms = now_monotonic_ms();
    mock_kafka_deliver(mock, &outcome);
    assert_false(outcome.delivery.is_durable);
    assert_false(outcome.delivery.is_too_large);
    assert_in_range(now_monotonic_ms() - began_ms, 2000, 6000);
    assert_false(mock_kafka_is_ready(mock));
    rd_kafka_mock_broker_set_up(mock->cluster, 1);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void an_answer_after_the_timeout_may_be_to_a_record_in_the_log(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    mock_kafka_deliver(mock, &outcome);
    int64_t offset = outcome.delivery.offset;
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_NO_ERROR, 2 * MOCK_TIMEOUT_MS);
    mock_kafka_deliver(mock, &outcome);
    assert_false(outcome.delivery.is_durable);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
    assert_int_equal(outcome.delivery.offset, offset + 2); /* so a duplicate comes, if it is sent */
}

static void a_full_queue_refuses_at_once_and_drops_nothing(void **state)
{
    static struct mock_outcome outcomes[QUEUE_RECORDS_MAX];
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct err err;
    int count = 0;
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    while (mock_kafka_put(mock, RECORD_BYTES, &outcomes[count], &err))
        assert_in_range(++count, 1, QUEUE_RECORDS_MAX - 1);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_in_range(count, QUEUE_RECORDS_MAX / 2, QUEUE_RECORDS_MAX - 1);
    mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    for (int i = 0; i < count; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_false(outcomes[i].delivery.is_durable);
    }
    assert_int_equal(outcomes[count].calls, 0);
    rd_kafka_mock_broker_set_up(mock->cluster, 1);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_reported_with_its_place, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_chat_keeps_its_partition_when_the_topic_grows,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(it_is_ready_when_a_broker_is_connected, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(too_few_replicas_are_waited_for, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_record_too_large_is_told_apart, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_slow_broker_is_given_up_at_the_timeout, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_after_the_timeout_may_be_to_a_record_in_the_log,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_at_once_and_drops_nothing,
                                        mock_kafka_set_up, mock_kafka_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
