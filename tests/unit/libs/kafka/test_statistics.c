#include "libs/kafka/statistics.h"

#include "libs/ops/metrics.h"
#include "tests/support/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of two brokers, in the form of librdkafka 2.0. */
#define STATISTICS(tx, state) \
    "{\"name\":\"c\",\"msg_cnt\":3,\"msg_size\":400,\"brokers\":{" \
    "\"a:1/1\":{\"state\":\"UP\",\"outbuf_cnt\":1,\"waitresp_cnt\":2,\"tx\":" tx "," \
    "\"txbytes\":1000,\"txerrs\":1,\"txretries\":2,\"req_timeouts\":3,\"rxbytes\":50," \
    "\"rxerrs\":4,\"connects\":5,\"disconnects\":6,\"rtt\":{\"p99\":1500}," \
    "\"throttle\":{\"max\":7}}," \
    "\"b:1/2\":{\"state\":\"" state "\",\"outbuf_cnt\":10,\"waitresp_cnt\":-1,\"tx\":1," \
    "\"txbytes\":1,\"txerrs\":0,\"txretries\":0,\"req_timeouts\":0,\"rxbytes\":0,\"rxerrs\":0," \
    "\"connects\":1,\"disconnects\":0,\"rtt\":{\"p99\":2500001},\"throttle\":{\"max\":0}}}," \
    "\"topics\":{\"t\":{\"partitions\":{\"0\":{\"fetchq_cnt\":5,\"fetchq_size\":600}," \
    "\"-1\":{\"fetchq_cnt\":1,\"fetchq_size\":20}}}},\"cgrp\":{\"rebalance_cnt\":2}}"

static int add_families(void **state)
{
    (void)state;
    kafka_statistics_add_metrics(KAFKA_PRODUCER);
    return 0;
}

static void brokers_and_partitions_are_summed_up(void **state)
{
    (void)state;
    struct kafka_statistics client = {0};
    assert_true(kafka_statistics_take(&client, BYTES_LITERAL(STATISTICS("100", "INIT"))));
    kafka_statistics_show(&client);
    assert_int_equal(client.numbers[KAFKA_BROKERS_CONNECTED], 1);
    assert_int_equal(client.numbers[KAFKA_FETCH_QUEUE_MESSAGES], 6);
    assert_int_equal(client.numbers[KAFKA_FETCH_QUEUE_BYTES], 620);
    assert_int_equal(client.numbers[KAFKA_REBALANCES], 2);
    static const char *const lines[] = {
        "\nkafka_brokers_connected 1\n",       "\nkafka_requests_waiting 11\n",
        "\nkafka_requests_in_flight 2\n",      "\nkafka_round_trip_seconds 2.500001\n",
        "\nkafka_throttle_seconds 0.007000\n", "\nkafka_outbound_queue_bytes 400\n",
        "\nkafka_requests_total 101\n",        "\nkafka_request_errors_total 1\n",
        "\nkafka_request_retries_total 2\n",   "\nkafka_request_timeouts_total 3\n",
        "\nkafka_response_errors_total 4\n",   "\nkafka_sent_bytes_total 1001\n",
        "\nkafka_received_bytes_total 50\n",   "\nkafka_connects_total 6\n",
        "\nkafka_disconnects_total 6\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        assert_true(metrics_text_has(lines[i]));
    assert_false(metrics_text_has("kafka_rebalances_total"));
}

static void counters_go_on_over_clients_and_never_fall(void **state)
{
    (void)state;
    struct kafka_statistics old = {0};
    struct kafka_statistics new = {0};
    assert_true(kafka_statistics_take(&old, BYTES_LITERAL(STATISTICS("100", "UP"))));
    assert_true(metrics_text_has("\nkafka_requests_total 202\n"));
    assert_true(kafka_statistics_take(&old, BYTES_LITERAL(STATISTICS("150", "UP"))));
    assert_true(kafka_statistics_take(&new, BYTES_LITERAL(STATISTICS("7", "UP"))));
    assert_true(kafka_statistics_take(&old, BYTES_LITERAL(STATISTICS("20", "UP"))));
    assert_true(metrics_text_has("\nkafka_requests_total 260\n"));
    assert_true(kafka_statistics_take(&old, BYTES_LITERAL(STATISTICS("21", "UP"))));
    assert_true(metrics_text_has("\nkafka_requests_total 261\n"));
}

static void without_a_client_the_gauges_are_zero(void **state)
{
    (void)state;
    kafka_statistics_show(NULL);
    assert_true(metrics_text_has("\nkafka_brokers_connected 0\n"));
    assert_true(metrics_text_has("\nkafka_outbound_queue_bytes 0\n"));
    assert_true(metrics_text_has("\nkafka_requests_total 261\n"));
}

static void what_is_no_statistics_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "{", "[]", "{}", "{\"brokers\":1}"};
    struct kafka_statistics client = {.numbers = {[KAFKA_BROKERS_CONNECTED] = 3}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_false(kafka_statistics_take(&client, bytes_of_text(wrong[i])));
        assert_int_equal(client.numbers[KAFKA_BROKERS_CONNECTED], 3);
    }
}

static void before_a_broker_is_known_all_is_zero(void **state)
{
    (void)state;
    struct kafka_statistics client = {.numbers = {[KAFKA_BROKERS_CONNECTED] = 3}};
    assert_true(kafka_statistics_take(&client, BYTES_LITERAL("{\"brokers\":{}}")));
    for (size_t i = 0; i < KAFKA_NUMBERS; i++)
        assert_int_equal(client.numbers[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brokers_and_partitions_are_summed_up),
        cmocka_unit_test(counters_go_on_over_clients_and_never_fall),
        cmocka_unit_test(without_a_client_the_gauges_are_zero),
        cmocka_unit_test(what_is_no_statistics_changes_nothing),
        cmocka_unit_test(before_a_broker_is_known_all_is_zero),
    };
    return cmocka_run_group_tests(tests, add_families, NULL);
}
