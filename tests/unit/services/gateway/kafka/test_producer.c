#include "services/gateway/kafka/producer.h"

#include "tests/support/metrics_text.h"
#include "tests/support/mock_kafka.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_barred_producer_takes_nothing_until_it_is_renewed(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct err err;
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    producer_bar(mock->producer);
    assert_true(producer_has_lost_topic(mock->producer));
    assert_false(mock_kafka_put(mock, 10, &outcome, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(mock->sink.pending(mock->sink.self), 0);
    producer_renew(mock->producer);
    assert_false(producer_has_lost_topic(mock->producer));
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void a_broken_producer_is_replaced(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct mock_outcome burst[MOCK_BURST];
    struct err err;
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0);
    (void)mock_kafka_send_burst(mock, burst);
    assert_false(burst[0].delivery.is_durable);
    assert_true(metrics_text_has("kafka_producer_recreated_total 1\n"));
    /* Right after it there may be none, and soon there is one again. */
    if (mock_kafka_put(mock, 10, &outcome, &err))
        mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void a_producer_that_the_broker_forgot_goes_on(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct mock_outcome burst[MOCK_BURST];
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, 0);
    (void)mock_kafka_send_burst(mock, burst); /* sent again, or refused, but each reported */
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static bool takes_a_record(struct mock_kafka *mock)
{
    static struct mock_outcome outcome;
    struct err err;
    return mock_kafka_put(mock, 10, &outcome, &err);
}

static void a_producer_without_the_right_is_not_ready_until_a_record_is_taken(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    mock_kafka_deliver(mock, &outcome);
    assert_false(outcome.delivery.is_durable);
    assert_false(mock_kafka_is_ready(mock));
    assert_false(metrics_text_has("refusals_total{where=\"kafka\",code=\"not_authorized\"} 0\n"));
    mock_kafka_run_until(mock, takes_a_record);
    mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    assert_true(mock_kafka_is_ready(mock));
}

static void a_fenced_producer_says_what_is_not_durable_and_goes_on(void **state)
{
    static const rd_kafka_resp_err_t fences[] = {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
                                                 RD_KAFKA_RESP_ERR_PRODUCER_FENCED};
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    struct mock_outcome burst[MOCK_BURST];
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock_kafka_deliver(mock, &outcome);
    for (size_t i = 0; i < sizeof(fences) / sizeof(*fences); i++) {
        int64_t next_offset = outcome.delivery.offset + 1;
        mock_kafka_answer(mock, fences[i], 0);
        mock_kafka_deliver(mock, &outcome);
        assert_false(outcome.delivery.is_durable);
        assert_false(outcome.delivery.is_too_large);
        mock_kafka_deliver(mock, &outcome);
        assert_true(outcome.delivery.is_durable);
        assert_int_equal(outcome.delivery.offset, next_offset); /* the other one is not there */

        mock_kafka_answer(mock, fences[i], 0);
        int durable = mock_kafka_send_burst(mock, burst);
        assert_false(burst[0].delivery.is_durable);
        mock_kafka_deliver(mock, &outcome);
        assert_int_equal(outcome.delivery.offset, next_offset + durable + 1);
    }
}

static bool has_reloaded(struct mock_kafka *mock)
{
    return producer_reloads(mock->producer) == 1;
}

static bool has_refused(struct mock_kafka *mock)
{
    (void)mock;
    return metrics_text_has("code=\"certificates_of_no_use\"} 1\n");
}

static void with_changed_files_the_old_producer_finishes_what_it_has(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome old;
    struct mock_outcome outcome;
    struct err err;
    mock->options.delivery_timeout_ms = MOCK_PATIENCE_MS;
    producer_renew(mock->producer);
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    /* The answer comes after the new producer has taken over, which takes three seconds. */
    mock_kafka_answer(mock, RD_KAFKA_RESP_ERR_NO_ERROR, 5000);
    assert_true(mock_kafka_put(mock, 10, &old, &err));
    mock_kafka_change_files(mock);
    mock_kafka_run_until(mock, has_reloaded);
    assert_true(mock_kafka_is_ready(mock));
    mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    assert_int_equal(old.calls, 1);
    assert_true(old.delivery.is_durable);
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
    assert_int_equal(outcome.delivery.offset, old.delivery.offset + 1);
    assert_int_equal(producer_reloads(mock->producer), 1);
}

static void with_files_of_no_use_the_old_producer_goes_on(void **state)
{
    struct mock_kafka *mock = *state;
    struct mock_outcome outcome;
    mock_kafka_run_until(mock, mock_kafka_is_ready);
    mock->options.compression = "of no use"; /* as librdkafka refuses a bad certificate */
    mock_kafka_change_files(mock);
    mock_kafka_run_until(mock, has_refused);
    assert_true(mock_kafka_is_ready(mock));
    mock_kafka_deliver(mock, &outcome);
    assert_true(outcome.delivery.is_durable);
    assert_int_equal(producer_reloads(mock->producer), 0);
}

static void a_property_that_does_not_exist_is_refused(void **state)
{
    struct mock_kafka *mock = *state;
    struct err err;
    char key[] = "no.such.property";
    char value[] = "secret-value";
    struct setting_pair pair = {key, value};
    struct settings_pairs passed = {&pair, 1};
    struct kafka_options options = mock->options;
    options.passed = &passed;
    assert_false(producer_check(&options, &err));
    assert_non_null(strstr(err.text, "no.such.property"));
    assert_null(strstr(err.text, "secret-value"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_broken_producer_is_replaced, mock_kafka_set_up,
                                        mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_barred_producer_takes_nothing_until_it_is_renewed,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_producer_that_the_broker_forgot_goes_on,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(
            a_producer_without_the_right_is_not_ready_until_a_record_is_taken, mock_kafka_set_up,
            mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_fenced_producer_says_what_is_not_durable_and_goes_on,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(with_changed_files_the_old_producer_finishes_what_it_has,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(with_files_of_no_use_the_old_producer_goes_on,
                                        mock_kafka_set_up, mock_kafka_tear_down),
        cmocka_unit_test_setup_teardown(a_property_that_does_not_exist_is_refused,
                                        mock_kafka_set_up, mock_kafka_tear_down),
    };
    struct setting_pair with_ca = {(char[]){"ssl.ca.location"}, (char[]){"its path"}};
    const struct settings_pairs passed = {&with_ca, 1};
    producer_add_metrics(&passed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
