#include "libs/kafka/statistics.h"

#include "libs/ops/metrics.h"

#include <yyjson.h>

#define FIRST_COUNTER KAFKA_REQUESTS
#define US_PER_MS 1000

static struct metric_series series[KAFKA_NUMBERS];

#define FAMILY(number_, kind_, name_, help_) \
    [number_] = { \
        .name = (name_), .help = (help_), .kind = (kind_), .series = &series[number_], .count = 1}
#define GAUGE(number_, name_, help_) FAMILY(number_, METRIC_GAUGE, name_, help_)
#define SECONDS(number_, name_, help_) FAMILY(number_, METRIC_SECONDS, name_, help_)
#define COUNTER(number_, name_, help_) FAMILY(number_, METRIC_COUNTER, name_, help_)

static struct metric families[KAFKA_NUMBERS] = {
    GAUGE(KAFKA_BROKERS_CONNECTED, "kafka_brokers_connected",
          "Broker connections that are up, as of the last statistics."),
    GAUGE(KAFKA_REQUESTS_WAITING, "kafka_requests_waiting",
          "Requests to brokers that are not sent yet."),
    GAUGE(KAFKA_REQUESTS_IN_FLIGHT, "kafka_requests_in_flight",
          "Requests to brokers that are not answered yet."),
    SECONDS(KAFKA_ROUND_TRIP_US, "kafka_round_trip_seconds",
            "The slowest broker's 99th percentile of round trips."),
    SECONDS(KAFKA_THROTTLE_US, "kafka_throttle_seconds",
            "The longest time for which a broker held this client back for its quota."),
    GAUGE(KAFKA_QUEUE_BYTES, "kafka_outbound_queue_bytes",
          "Bytes of the records that librdkafka holds and that are not reported."),
    GAUGE(KAFKA_FETCH_QUEUE_MESSAGES, "kafka_fetch_queue_messages",
          "Records fetched ahead and not yet taken."),
    GAUGE(KAFKA_FETCH_QUEUE_BYTES, "kafka_fetch_queue_bytes",
          "Bytes of the records fetched ahead."),
    COUNTER(KAFKA_REQUESTS, "kafka_requests_total", "Requests sent to brokers."),
    COUNTER(KAFKA_REQUEST_ERRORS, "kafka_request_errors_total",
            "Requests to brokers that could not be sent."),
    COUNTER(KAFKA_REQUEST_RETRIES, "kafka_request_retries_total", "Requests sent again."),
    COUNTER(KAFKA_REQUEST_TIMEOUTS, "kafka_request_timeouts_total",
            "Requests that no broker answered in time."),
    COUNTER(KAFKA_RESPONSE_ERRORS, "kafka_response_errors_total",
            "Answers of brokers that could not be received whole."),
    COUNTER(KAFKA_SENT_BYTES, "kafka_sent_bytes_total", "Bytes sent to brokers."),
    COUNTER(KAFKA_RECEIVED_BYTES, "kafka_received_bytes_total", "Bytes received of brokers."),
    COUNTER(KAFKA_CONNECTS, "kafka_connects_total", "Attempts to connect to a broker."),
    COUNTER(KAFKA_DISCONNECTS, "kafka_disconnects_total", "Broker connections that ended."),
    COUNTER(KAFKA_REBALANCES, "kafka_rebalances_total",
            "Times that the group gave out its partitions anew."),
};

static bool is_of(enum kafka_number number, enum kafka_role role)
{
    bool is_producers = number == KAFKA_QUEUE_BYTES;
    bool is_consumers = number == KAFKA_FETCH_QUEUE_MESSAGES || number == KAFKA_FETCH_QUEUE_BYTES ||
                        number == KAFKA_REBALANCES;
    return role == KAFKA_PRODUCER ? !is_consumers : !is_producers;
}

void kafka_statistics_add_metrics(enum kafka_role role)
{
    for (enum kafka_number number = 0; number < KAFKA_NUMBERS; number++) {
        series[number].labels = "";
        if (is_of(number, role))
            metrics_add(&families[number]);
    }
}

/* ---- reading ---- */

static int64_t number_in(yyjson_val *object, const char *key)
{
    int64_t number = yyjson_get_sint(yyjson_obj_get(object, key));
    return number > 0 ? number : 0; /* what is not known is -1 */
}

static void raise(int64_t *number, int64_t other)
{
    if (other > *number)
        *number = other;
}

static void read_broker(yyjson_val *broker, int64_t numbers[KAFKA_NUMBERS])
{
    static const struct {
        enum kafka_number number;
        const char *key;
    } SUMS[] = {
        {KAFKA_REQUESTS_WAITING, "outbuf_cnt"},
        {KAFKA_REQUESTS_IN_FLIGHT, "waitresp_cnt"},
        {KAFKA_REQUESTS, "tx"},
        {KAFKA_REQUEST_ERRORS, "txerrs"},
        {KAFKA_REQUEST_RETRIES, "txretries"},
        {KAFKA_REQUEST_TIMEOUTS, "req_timeouts"},
        {KAFKA_RESPONSE_ERRORS, "rxerrs"},
        {KAFKA_SENT_BYTES, "txbytes"},
        {KAFKA_RECEIVED_BYTES, "rxbytes"},
        {KAFKA_CONNECTS, "connects"},
        {KAFKA_DISCONNECTS, "disconnects"},
    };
    numbers[KAFKA_BROKERS_CONNECTED] +=
        yyjson_equals_str(yyjson_obj_get(broker, "state"), "UP") ? 1 : 0;
    for (size_t i = 0; i < sizeof(SUMS) / sizeof(*SUMS); i++)
        numbers[SUMS[i].number] += number_in(broker, SUMS[i].key);
    raise(&numbers[KAFKA_ROUND_TRIP_US], number_in(yyjson_obj_get(broker, "rtt"), "p99"));
    raise(&numbers[KAFKA_THROTTLE_US],
          number_in(yyjson_obj_get(broker, "throttle"), "max") * US_PER_MS);
}

static void read_partition(yyjson_val *partition, int64_t numbers[KAFKA_NUMBERS])
{
    numbers[KAFKA_FETCH_QUEUE_MESSAGES] += number_in(partition, "fetchq_cnt");
    numbers[KAFKA_FETCH_QUEUE_BYTES] += number_in(partition, "fetchq_size");
}

/* Of all members of an object; of what is none, nothing. */
static void read_each(yyjson_val *object, void (*read)(yyjson_val *, int64_t *), int64_t *numbers)
{
    yyjson_obj_iter iter;
    yyjson_obj_iter_init(object, &iter);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter)) != NULL;)
        read(yyjson_obj_iter_get_val(key), numbers);
}

static void read_topic(yyjson_val *topic, int64_t numbers[KAFKA_NUMBERS])
{
    read_each(yyjson_obj_get(topic, "partitions"), read_partition, numbers);
}

static void read_all(yyjson_val *root, int64_t numbers[KAFKA_NUMBERS])
{
    numbers[KAFKA_QUEUE_BYTES] = number_in(root, "msg_size");
    numbers[KAFKA_REBALANCES] = number_in(yyjson_obj_get(root, "cgrp"), "rebalance_cnt");
    read_each(yyjson_obj_get(root, "brokers"), read_broker, numbers);
    read_each(yyjson_obj_get(root, "topics"), read_topic, numbers);
}

/* A broker that left the cluster takes its part out of a sum: that is nothing new. */
static void count_new(const struct kafka_statistics *before, const int64_t now[KAFKA_NUMBERS])
{
    for (enum kafka_number number = FIRST_COUNTER; number < KAFKA_NUMBERS; number++)
        if (now[number] > before->numbers[number])
            metric_add(&series[number], now[number] - before->numbers[number]);
}

bool kafka_statistics_take(struct kafka_statistics *statistics, struct bytes json)
{
    struct kafka_statistics now = {0};
    yyjson_doc *document = yyjson_read(json.data, json.len, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    bool is_read = yyjson_is_obj(yyjson_obj_get(root, "brokers"));
    if (is_read) {
        read_all(root, now.numbers);
        count_new(statistics, now.numbers);
        *statistics = now;
    }
    yyjson_doc_free(document);
    return is_read;
}

void kafka_statistics_show(const struct kafka_statistics *statistics)
{
    for (enum kafka_number number = 0; number < FIRST_COUNTER; number++)
        metric_set(&series[number], statistics == NULL ? 0 : statistics->numbers[number]);
}
