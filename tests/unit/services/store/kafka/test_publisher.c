#include "services/store/kafka/publisher.h"

#include "tests/support/rdkafka_threads.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define API_PRODUCE 0 /* the protocol's number of that request */
#define PARTITIONS 4
#define MIB ((size_t)1 << 20)
#define QUEUE_MIB (PUBLISHER_QUEUE_KBYTES / 1024)

struct bench {
    rd_kafka_t *owner; /* the mock cluster lives in a client of its own */
    rd_kafka_mock_cluster_t *cluster;
    struct settings_pairs passed;
    struct publisher *publisher;
    struct log_sink sink;
};

static int set_up(void **state)
{
    char text[200];
    struct bench *bench = calloc(1, sizeof(*bench));
    struct err err;
    bench->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    bench->cluster = rd_kafka_mock_cluster_new(bench->owner, 1);
    assert_int_equal(rd_kafka_mock_topic_create(bench->cluster, "t.events.v1", PARTITIONS, 1), 0);
    struct publisher_options options = {
        .bootstrap_servers = rd_kafka_mock_cluster_bootstraps(bench->cluster),
        .topic = "t.events.v1",
        .passed = &bench->passed,
        .delivery_timeout_ms = 20000,
        .topic_partitions = PARTITIONS,
    };
    assert_true(publisher_new(&options, &bench->publisher, &err));
    bench->sink = publisher_port(bench->publisher);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    publisher_free(bench->publisher);
    rd_kafka_mock_cluster_destroy(bench->cluster);
    rd_kafka_destroy(bench->owner);
    free(bench);
    return 0;
}

static bool put(struct bench *bench, int64_t chat, int32_t partition, size_t value_len,
                struct err *err)
{
    struct record record = {.header_count = 1};
    record.headers[0] = (struct record_header){.name = "ce_id", .value = "1", .len = 1};
    record.key_len = record_key(42, chat, record.key);
    buf_init(&record.value, value_len);
    memset(buf_reserve(&record.value, value_len), 'x', value_len);
    record.value.len = value_len;
    bool is_taken = bench->sink.put(bench->sink.self, &record, partition, err);
    record_done(&record);
    return is_taken;
}

static bool flush(struct bench *bench, struct err *err)
{
    return bench->sink.flush(bench->sink.self, err);
}

static int64_t end_of(struct bench *bench, int32_t partition)
{
    const struct position *position = bench->sink.position(bench->sink.self);
    for (size_t i = 0; i < position->count; i++)
        if (position->entries[i].partition == partition)
            return position->entries[i].next_offset;
    return 0;
}

static void a_record_goes_where_its_chat_is(void **state)
{
    struct bench *bench = *state;
    struct err err;
    int64_t wanted[PARTITIONS] = {0};
    for (int64_t chat = -20; chat < 0; chat++) {
        char key[RECORD_KEY_MAX];
        struct bytes text = {key, record_key(42, chat, key)};
        wanted[record_partition(text, PARTITIONS)]++;
        assert_true(put(bench, chat, LOG_PARTITION_OF_KEY, 10, &err));
    }
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), 20);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(end_of(bench, partition), wanted[partition]);
}

static void a_record_goes_to_every_partition_that_is_named(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_int_equal(publisher_partitions(bench->publisher), PARTITIONS);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        assert_true(put(bench, 7, partition, 10, &err));
    assert_true(flush(bench, &err));
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(end_of(bench, partition), 1);
}

static void nothing_put_is_durable_at_once(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), 0);
    assert_int_equal(bench->sink.position(bench->sink.self)->count, 0);
}

static void a_record_too_large_is_refused_and_the_sink_goes_on(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_false(put(bench, 7, LOG_PARTITION_OF_KEY, 3 * MIB, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_true(put(bench, 7, LOG_PARTITION_OF_KEY, 10, &err));
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), 1);
}

static void more_than_the_queue_holds_is_waited_for(void **state)
{
    struct bench *bench = *state;
    struct err err;
    for (size_t i = 0; i < 2 * QUEUE_MIB; i++)
        assert_true(put(bench, 7, LOG_PARTITION_OF_KEY, MIB, &err));
    assert_in_range(bench->sink.durable(bench->sink.self), QUEUE_MIB - 1, 2 * QUEUE_MIB);
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), 2 * QUEUE_MIB);
}

/* Small ones take far more memory than their bytes. */
static void more_records_than_the_queue_holds_are_waited_for(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_int_equal(rd_kafka_mock_broker_set_rtt(bench->cluster, 1, 500), 0);
    for (size_t i = 0; i < PUBLISHER_QUEUE_RECORDS + 1000; i++)
        assert_true(put(bench, 7, LOG_PARTITION_OF_KEY, 1, &err));
    assert_true(bench->sink.durable(bench->sink.self) >= 1000);
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), PUBLISHER_QUEUE_RECORDS + 1000);
}

static void answer(struct bench *bench, rd_kafka_resp_err_t code)
{
    rd_kafka_mock_broker_push_request_error_rtts(bench->cluster, 1, API_PRODUCE, 1, code, 0);
}

static void expect_end(struct bench *bench, enum err_kind kind)
{
    struct err err;
    struct err again;
    assert_true(put(bench, 7, LOG_PARTITION_OF_KEY, 10, &err));
    assert_false(flush(bench, &err));
    assert_int_equal(err.kind, kind);
    assert_int_equal(bench->sink.durable(bench->sink.self), 0);
    assert_false(put(bench, 7, LOG_PARTITION_OF_KEY, 10, &again));
    assert_string_equal(again.text, err.text);
    assert_false(flush(bench, &again));
    assert_int_equal(again.kind, kind);
}

static void a_record_that_is_not_durable_ends_the_sink(void **state)
{
    struct bench *bench = *state;
    answer(bench, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    expect_end(bench, ERR_RETRY);
}

static void a_missing_right_is_for_a_person(void **state)
{
    struct bench *bench = *state;
    answer(bench, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    expect_end(bench, ERR_FATAL);
}

static void a_topic_that_takes_less_is_for_a_person(void **state)
{
    struct bench *bench = *state;
    answer(bench, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    expect_end(bench, ERR_FATAL);
}

static void too_few_replicas_are_waited_for(void **state)
{
    struct bench *bench = *state;
    struct err err;
    answer(bench, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    assert_true(put(bench, 7, LOG_PARTITION_OF_KEY, 10, &err));
    assert_true(flush(bench, &err));
    assert_int_equal(bench->sink.durable(bench->sink.self), 1);
}

static void a_property_that_does_not_exist_is_refused(void **state)
{
    struct bench *bench = *state;
    char key[] = "no.such.property";
    char value[] = "secret-value";
    struct setting_pair pair = {key, value};
    struct settings_pairs passed = {&pair, 1};
    struct publisher_options options = {.bootstrap_servers = "127.0.0.1:1",
                                        .topic = "t.events.v1",
                                        .passed = &passed,
                                        .delivery_timeout_ms = 1000};
    struct publisher *publisher = NULL;
    struct err err;
    (void)bench;
    assert_false(publisher_new(&options, &publisher, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "no.such.property"));
    assert_null(strstr(err.text, "secret-value"));
}

#define IN_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BENCH(a_record_goes_where_its_chat_is),
        IN_BENCH(a_record_goes_to_every_partition_that_is_named),
        IN_BENCH(nothing_put_is_durable_at_once),
        IN_BENCH(a_record_too_large_is_refused_and_the_sink_goes_on),
        IN_BENCH(more_than_the_queue_holds_is_waited_for),
        IN_BENCH(more_records_than_the_queue_holds_are_waited_for),
        IN_BENCH(a_record_that_is_not_durable_ends_the_sink),
        IN_BENCH(a_missing_right_is_for_a_person),
        IN_BENCH(a_topic_that_takes_less_is_for_a_person),
        IN_BENCH(too_few_replicas_are_waited_for),
        IN_BENCH(a_property_that_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
