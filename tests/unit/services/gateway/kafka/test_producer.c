/* Against librdkafka's mock cluster, because only that answers with a chosen error code. */
#include "services/gateway/kafka/producer.h"

#include "libs/base/now.h"
#include "tests/support/rdkafka_threads.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define API_PRODUCE 0 /* the protocol's number of that request */
#define PATIENCE_MS 20000
#define BURST 20 /* records on their way at the same time */

struct fixture {
    rd_kafka_t *owner; /* the mock cluster lives in a client of its own */
    rd_kafka_mock_cluster_t *cluster;
    struct settings_pairs passed;
    struct kafka_options options;
    struct loop *loop;
    struct loop_timer *patience;
    struct background *background;
    struct producer *producer;
    struct record_sink sink;
};

struct outcome {
    struct fixture *fixture;
    int calls;
    struct delivery delivery;
};

static void on_delivered(void *arg, const struct delivery *delivery)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->delivery = *delivery;
    loop_stop(outcome->fixture->loop);
}

static void on_impatient(void *arg)
{
    (void)arg;
    fail_msg("nothing happened in time");
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char text[200];
    fixture->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    fixture->cluster = rd_kafka_mock_cluster_new(fixture->owner, 1);
    assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "t.events.v1", 4, 1), 0);
    fixture->options = (struct kafka_options){
        .bootstrap_servers = rd_kafka_mock_cluster_bootstraps(fixture->cluster),
        .compression = "none",
        .delivery_timeout_ms = 3000,
        .high_mark = 10,
        .topic_prefix = "t",
        .partitions = 4,
        .passed = &fixture->passed,
    };
    struct err err;
    fixture->loop = loop_new();
    fixture->background = background_new(fixture->loop);
    fixture->patience = loop_timer_new(fixture->loop, on_impatient, NULL);
    loop_timer_arm(fixture->patience, PATIENCE_MS);
    assert_true(producer_open(fixture->loop, fixture->background, &fixture->options,
                              &fixture->producer, &err));
    fixture->sink = producer_port(fixture->producer);
    *state = fixture;
    return 0;
}

struct wait {
    struct fixture *fixture;
    bool (*holds)(struct fixture *fixture);
    struct loop_timer *timer;
};

static void on_wait(void *arg)
{
    struct wait *wait = arg;
    loop_timer_arm(wait->timer, 10);
    if (wait->holds(wait->fixture))
        loop_stop(wait->fixture->loop);
}

static void run_until(struct fixture *fixture, bool (*holds)(struct fixture *fixture))
{
    struct wait wait = {.fixture = fixture, .holds = holds};
    wait.timer = loop_timer_new(fixture->loop, on_wait, &wait);
    loop_timer_arm(wait.timer, 0);
    while (!holds(fixture)) /* a delivery ends loop_run too */
        loop_run(fixture->loop);
    loop_timer_free(wait.timer);
}

static bool is_not_busy(struct fixture *fixture)
{
    return !background_is_busy(fixture->background);
}

static bool is_ready(struct fixture *fixture)
{
    struct err err;
    return producer_is_ready(fixture->producer, &err);
}

static bool is_all_reported(struct fixture *fixture)
{
    return fixture->sink.pending(fixture->sink.self) == 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    run_until(fixture, is_not_busy);
    producer_free(fixture->producer);
    background_free(fixture->background);
    loop_timer_free(fixture->patience);
    loop_free(fixture->loop);
    rd_kafka_mock_cluster_destroy(fixture->cluster);
    rd_kafka_destroy(fixture->owner);
    free(fixture);
    return 0;
}

static bool put(struct fixture *fixture, size_t value_len, struct outcome *outcome, struct err *err)
{
    struct record record = {.key = "42:7", .key_len = 4};
    struct receipt receipt = {on_delivered, outcome};
    *outcome = (struct outcome){.fixture = fixture};
    buf_init(&record.value, value_len);
    memset(buf_reserve(&record.value, value_len), 'x', value_len);
    record.value.len = value_len;
    record.headers[0] = (struct record_header){.name = "ce_id", .value = "1", .len = 1};
    record.header_count = 1;
    bool is_taken = fixture->sink.put(fixture->sink.self, SINK_EVENTS, &record, receipt, err);
    record_done(&record);
    return is_taken;
}

static void deliver(struct fixture *fixture, struct outcome *outcome)
{
    struct err err;
    assert_true(put(fixture, 10, outcome, &err));
    loop_run(fixture->loop);
    assert_int_equal(outcome->calls, 1);
}

static void a_record_is_reported_with_its_place(void **state)
{
    struct fixture *fixture = *state;
    struct outcome first;
    struct outcome second;
    deliver(fixture, &first);
    deliver(fixture, &second);
    assert_true(first.delivery.is_durable);
    assert_int_equal(first.delivery.partition, record_partition(BYTES_LITERAL("42:7"), 4));
    assert_int_equal(second.delivery.offset, first.delivery.offset + 1);
    assert_int_equal(fixture->sink.pending(fixture->sink.self), 0);
}

static void a_chat_keeps_its_partition_when_the_topic_grows(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    fixture->options.partitions = 3; /* the topic has 4 */
    assert_int_not_equal(record_partition(BYTES_LITERAL("42:7"), 3),
                         record_partition(BYTES_LITERAL("42:7"), 4));
    deliver(fixture, &outcome);
    assert_true(outcome.delivery.is_durable);
    assert_int_equal(outcome.delivery.partition, record_partition(BYTES_LITERAL("42:7"), 3));
}

static void a_barred_producer_takes_nothing_until_it_is_renewed(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    struct err err;
    run_until(fixture, is_ready);
    producer_bar(fixture->producer);
    assert_true(producer_has_lost_topic(fixture->producer));
    assert_false(put(fixture, 10, &outcome, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(fixture->sink.pending(fixture->sink.self), 0);
    producer_renew(fixture->producer);
    assert_false(producer_has_lost_topic(fixture->producer));
    run_until(fixture, is_ready);
    deliver(fixture, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void it_is_ready_when_a_broker_is_connected(void **state)
{
    struct fixture *fixture = *state;
    assert_false(is_ready(fixture));
    run_until(fixture, is_ready);
}

static void too_few_replicas_are_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    deliver(fixture, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void a_record_too_large_is_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    struct err err;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    deliver(fixture, &outcome);
    assert_false(outcome.delivery.is_durable);
    assert_true(outcome.delivery.is_too_large);
    assert_false(put(fixture, 3 << 20, &outcome, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    deliver(fixture, &outcome); /* the producer stays usable */
    assert_true(outcome.delivery.is_durable);
}

static void a_slow_broker_is_given_up_at_the_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    rd_kafka_mock_broker_set_down(fixture->cluster, 1);
    int64_t began_ms = now_monotonic_ms();
    deliver(fixture, &outcome);
    assert_false(outcome.delivery.is_durable);
    assert_false(outcome.delivery.is_too_large);
    assert_in_range(now_monotonic_ms() - began_ms, 2000, 6000);
    assert_false(is_ready(fixture));
    rd_kafka_mock_broker_set_up(fixture->cluster, 1);
    deliver(fixture, &outcome);
    assert_true(outcome.delivery.is_durable);
}

static void a_broken_producer_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    struct err err;
    run_until(fixture, is_ready);
    deliver(fixture, &outcome);
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    deliver(fixture, &outcome);
    assert_false(outcome.delivery.is_durable);
    /* Right after it there may be none, and soon there is one again. */
    if (put(fixture, 10, &outcome, &err))
        loop_run(fixture->loop);
    run_until(fixture, is_ready);
    deliver(fixture, &outcome);
    assert_true(outcome.delivery.is_durable);
}

/* The records of a burst, each reported once; returns how many are durable. */
static int send_burst(struct fixture *fixture, struct outcome *outcomes, int count)
{
    struct err err;
    int durable = 0;
    for (int i = 0; i < count; i++)
        assert_true(put(fixture, 10, &outcomes[i], &err));
    run_until(fixture, is_all_reported);
    for (int i = 0; i < count; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        durable += outcomes[i].delivery.is_durable ? 1 : 0;
    }
    return durable;
}

static void a_fenced_producer_says_what_is_not_durable_and_goes_on(void **state)
{
    static const rd_kafka_resp_err_t fences[] = {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
                                                 RD_KAFKA_RESP_ERR_PRODUCER_FENCED};
    struct fixture *fixture = *state;
    struct outcome outcome;
    struct outcome burst[BURST];
    run_until(fixture, is_ready);
    deliver(fixture, &outcome);
    for (size_t i = 0; i < sizeof(fences) / sizeof(*fences); i++) {
        int64_t next_offset = outcome.delivery.offset + 1;
        rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, fences[i]);
        deliver(fixture, &outcome);
        assert_false(outcome.delivery.is_durable);
        assert_false(outcome.delivery.is_too_large);
        deliver(fixture, &outcome);
        assert_true(outcome.delivery.is_durable);
        assert_int_equal(outcome.delivery.offset, next_offset); /* the other one is not there */

        rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, fences[i]);
        int durable = send_burst(fixture, burst, BURST);
        assert_in_range(durable, 0, BURST - 1);
        deliver(fixture, &outcome);
        assert_int_equal(outcome.delivery.offset, next_offset + durable + 1);
    }
}

static void a_property_that_does_not_exist_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char key[] = "no.such.property";
    char value[] = "secret-value";
    struct setting_pair pair = {key, value};
    struct settings_pairs passed = {&pair, 1};
    struct kafka_options options = fixture->options;
    options.passed = &passed;
    assert_false(producer_check(&options, &err));
    assert_non_null(strstr(err.text, "no.such.property"));
    assert_null(strstr(err.text, "secret-value"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_reported_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chat_keeps_its_partition_when_the_topic_grows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_barred_producer_takes_nothing_until_it_is_renewed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_ready_when_a_broker_is_connected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_few_replicas_are_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_too_large_is_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_broker_is_given_up_at_the_timeout, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_producer_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fenced_producer_says_what_is_not_durable_and_goes_on,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_property_that_does_not_exist_is_refused, set_up,
                                        tear_down),
    };
    producer_add_metrics();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
