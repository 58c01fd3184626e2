#include "tests/support/mock_kafka.h"

#include "tests/support/rdkafka_threads.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define API_PRODUCE 0 /* the protocol's number of that request */
#define EXPIRES_S INT64_C(4000000000)

static void on_delivered(void *arg, const struct delivery *delivery)
{
    struct mock_outcome *outcome = arg;
    outcome->calls++;
    outcome->delivery = *delivery;
    loop_stop(outcome->mock->loop);
}

static void on_impatient(void *arg)
{
    (void)arg;
    fail_msg("nothing happened in time");
}

void mock_kafka_change_files(struct mock_kafka *mock)
{
    certificates_write_pem(&mock->files, "ca.pem", (const int64_t[]){EXPIRES_S}, 1);
}

static void open_cluster(struct mock_kafka *mock)
{
    char text[200];
    mock->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    mock->cluster = rd_kafka_mock_cluster_new(mock->owner, 1);
    assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, "t.events.v1", 4, 1), 0);
}

static void make_options(struct mock_kafka *mock)
{
    static char ca_location[] = "ssl.ca.location";
    certificates_init(&mock->files);
    certificates_path(&mock->files, "ca.pem", mock->ca_path);
    mock_kafka_change_files(mock);
    mock->pair = (struct setting_pair){ca_location, mock->ca_path};
    mock->passed = (struct settings_pairs){&mock->pair, 1};
    mock->options = (struct kafka_options){
        .bootstrap_servers = rd_kafka_mock_cluster_bootstraps(mock->cluster),
        .compression = "none",
        .delivery_timeout_ms = MOCK_TIMEOUT_MS,
        .high_mark = 10,
        .topic_prefix = "t",
        .partitions = 4,
        .passed = &mock->passed,
    };
}

int mock_kafka_set_up(void **state)
{
    struct mock_kafka *mock = calloc(1, sizeof(*mock));
    struct err err;
    open_cluster(mock);
    make_options(mock);
    mock->loop = loop_new();
    mock->background = background_new(mock->loop);
    mock->patience = loop_timer_new(mock->loop, on_impatient, NULL);
    loop_timer_arm(mock->patience, MOCK_PATIENCE_MS);
    assert_true(producer_open(mock->loop, mock->background, &mock->options, &mock->producer, &err));
    mock->sink = producer_port(mock->producer);
    *state = mock;
    return 0;
}

struct wait {
    struct mock_kafka *mock;
    bool (*holds)(struct mock_kafka *mock);
    struct loop_timer *timer;
};

static void on_wait(void *arg)
{
    struct wait *wait = arg;
    loop_timer_arm(wait->timer, 10);
    if (wait->holds(wait->mock))
        loop_stop(wait->mock->loop);
}

void mock_kafka_run_until(struct mock_kafka *mock, bool (*holds)(struct mock_kafka *mock))
{
    struct wait wait = {.mock = mock, .holds = holds};
    wait.timer = loop_timer_new(mock->loop, on_wait, &wait);
    loop_timer_arm(wait.timer, 0);
    while (!holds(mock)) /* a delivery ends loop_run too */
        loop_run(mock->loop);
    loop_timer_free(wait.timer);
}

static bool is_not_busy(struct mock_kafka *mock)
{
    return !background_is_busy(mock->background);
}

bool mock_kafka_is_ready(struct mock_kafka *mock)
{
    struct err err;
    return producer_is_ready(mock->producer, &err);
}

bool mock_kafka_is_all_reported(struct mock_kafka *mock)
{
    return mock->sink.pending(mock->sink.self) == 0;
}

int mock_kafka_tear_down(void **state)
{
    struct mock_kafka *mock = *state;
    mock_kafka_run_until(mock, is_not_busy);
    producer_free(mock->producer);
    background_free(mock->background);
    loop_timer_free(mock->patience);
    loop_free(mock->loop);
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->owner);
    certificates_done(&mock->files);
    free(mock);
    return 0;
}

bool mock_kafka_put(struct mock_kafka *mock, size_t value_len, struct mock_outcome *outcome,
                    struct err *err)
{
    struct record record = {.key = "42:7", .key_len = 4};
    struct receipt receipt = {on_delivered, outcome};
    *outcome = (struct mock_outcome){.mock = mock};
    buf_init(&record.value, value_len);
    memset(buf_reserve(&record.value, value_len), 'x', value_len);
    record.value.len = value_len;
    record.headers[0] = (struct record_header){.name = "ce_id", .value = "1", .len = 1};
    record.header_count = 1;
    bool is_taken = mock->sink.put(mock->sink.self, SINK_EVENTS, &record, receipt, err);
    record_done(&record);
    return is_taken;
}

void mock_kafka_deliver(struct mock_kafka *mock, struct mock_outcome *outcome)
{
    struct err err;
    assert_true(mock_kafka_put(mock, 10, outcome, &err));
    mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    assert_int_equal(outcome->calls, 1);
}

int mock_kafka_send_burst(struct mock_kafka *mock, struct mock_outcome outcomes[MOCK_BURST])
{
    struct err err;
    int durable = 0;
    int taken = 0;
    while (taken < MOCK_BURST && mock_kafka_put(mock, 10, &outcomes[taken], &err))
        taken++;
    assert_in_range(taken, 1, MOCK_BURST);
    mock_kafka_run_until(mock, mock_kafka_is_all_reported);
    for (int i = 0; i < taken; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        durable += outcomes[i].delivery.is_durable ? 1 : 0;
    }
    return durable;
}

void mock_kafka_answer(struct mock_kafka *mock, rd_kafka_resp_err_t code, int rtt_ms)
{
    rd_kafka_mock_broker_push_request_error_rtts(mock->cluster, 1, API_PRODUCE, 1, code, rtt_ms);
}
