#include "services/store/kafka/publisher.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/kafka/produce.h"
#include "libs/kafka/refusal.h"
#include "services/store/kafka/conf.h"
#include "services/store/kafka/topic_check.h"

#include <stdlib.h>

#define POLL_MS 100
#define GRACE_MS 5000         /* a report comes a little after its record's timeout */
#define POLL_EVERY_RECORDS 64 /* reports are taken in as records are put */

struct publisher {
    struct publisher_options options;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int32_t partitions;
    uint64_t put;
    uint64_t durable;
    uint64_t reported;
    struct position position;
    bool has_failed;
    struct err failure; /* of the first record that is not durable, or of the producer */
};

/* ---- what Kafka says, told while we poll ---- */

static void note_failure(struct publisher *publisher, enum err_kind kind, const char *why)
{
    if (publisher->has_failed)
        return;
    publisher->has_failed = true;
    (void)err_set(&publisher->failure, kind, "write to topic %s: %s", publisher->options.topic,
                  why);
}

/* What another try does not change. */
static enum err_kind kind_of(rd_kafka_resp_err_t code, const char *text)
{
    bool is_final =
        produce_is_too_large(code) || kafka_refusal_of(code, text) != KAFKA_REFUSAL_NONE;
    return is_final ? ERR_FATAL : ERR_RETRY;
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct publisher *publisher = opaque;
    (void)rk;
    publisher->reported++;
    if (produce_is_durable(message)) {
        publisher->durable++;
        position_raise(&publisher->position, message->partition, message->offset + 1);
        return;
    }
    const char *why = rd_kafka_err2str(message->err);
    note_failure(publisher, kind_of(message->err, why), why);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct publisher *publisher = opaque;
    char text[200];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        (void)rd_kafka_fatal_error(rk, text, sizeof(text));
        note_failure(publisher, ERR_RETRY, text); /* of this producer; a new one may go on */
    } else if (kafka_refusal_of((rd_kafka_resp_err_t)code, reason) != KAFKA_REFUSAL_NONE) {
        note_failure(publisher, ERR_FATAL, reason);
    }
}

static bool is_well(const struct publisher *publisher, struct err *err)
{
    if (publisher->has_failed)
        *err = publisher->failure;
    return !publisher->has_failed;
}

/* ---- opening ---- */

static bool open_client(struct publisher *publisher, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!publisher_conf(&publisher->options, &conf, err))
        return false;
    rd_kafka_conf_set_opaque(conf, publisher);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    rd_kafka_conf_set_error_cb(conf, on_error);
    char text[200];
    publisher->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (publisher->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "make the producer: %s", text);
    }
    publisher->topic = rd_kafka_topic_new(publisher->rk, publisher->options.topic, NULL);
    return publisher->topic != NULL ||
           err_set(err, ERR_FATAL, "topic %s: %s", publisher->options.topic,
                   rd_kafka_err2str(rd_kafka_last_error()));
}

bool publisher_new(const struct publisher_options *options, struct publisher **out, struct err *err)
{
    struct publisher *publisher = mem_alloc(sizeof(*publisher));
    publisher->options = *options;
    publisher->partitions = (int32_t)options->topic_partitions;
    if (!open_client(publisher, err)) {
        publisher_free(publisher);
        return false;
    }
    *out = publisher;
    return true;
}

bool publisher_check_topic(struct publisher *publisher, int timeout_ms, struct err *err)
{
    struct consumer_topic topic;
    const struct publisher_options *options = &publisher->options;
    if (!topic_check(publisher->rk, options->topic, timeout_ms, &topic, err)) {
        (void)rd_kafka_poll(publisher->rk, 0); /* a refusal says more than that nobody answers */
        (void)is_well(publisher, err);
        return false;
    }
    if (options->topic_partitions > 0 && topic.partition_count != options->topic_partitions)
        return err_set(err, ERR_FATAL, "topic %s has %d partitions, STORE_TOPIC_PARTITIONS says %d",
                       options->topic, (int)topic.partition_count, (int)options->topic_partitions);
    publisher->partitions = topic.partition_count;
    return true;
}

int32_t publisher_partitions(const struct publisher *publisher)
{
    return publisher->partitions;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    if (publisher->rk != NULL)
        (void)rd_kafka_purge(publisher->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (publisher->topic != NULL)
        rd_kafka_topic_destroy(publisher->topic);
    if (publisher->rk != NULL)
        rd_kafka_destroy(publisher->rk);
    position_done(&publisher->position);
    free(publisher);
}

/* ---- the port ---- */

static int64_t patience_until(const struct publisher *publisher)
{
    return now_monotonic_ms() + publisher->options.delivery_timeout_ms + GRACE_MS;
}

/* ERR_RETRY here: librdkafka's queue is full. */
static bool produce(struct publisher *publisher, const struct record *record, int32_t partition,
                    struct err *err)
{
    rd_kafka_error_t *error =
        produce_record(publisher->rk, publisher->topic, partition, record, NULL);
    if (error == NULL) {
        publisher->put++;
        return true;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return err_set(err, ERR_RETRY, "too much waits for Kafka");
    if (produce_is_too_large(code))
        return err_set(err, ERR_REJECT, "the record is larger than a record may be");
    note_failure(publisher, kind_of(code, NULL), rd_kafka_err2str(code));
    *err = publisher->failure;
    return false;
}

static bool put(void *self, const struct record *record, int32_t partition, struct err *err)
{
    struct publisher *publisher = self;
    int64_t until_ms = patience_until(publisher);
    if (partition == LOG_PARTITION_OF_KEY)
        partition =
            record_partition((struct bytes){record->key, record->key_len}, publisher->partitions);
    if (publisher->put % POLL_EVERY_RECORDS == 0)
        (void)rd_kafka_poll(publisher->rk, 0);
    while (is_well(publisher, err)) {
        if (produce(publisher, record, partition, err))
            return true;
        if (publisher->has_failed || err->kind != ERR_RETRY || now_monotonic_ms() >= until_ms)
            return false;
        (void)rd_kafka_poll(publisher->rk, POLL_MS);
    }
    return false;
}

/* After a failure nothing is waited for: all of it is put again anyway. */
static bool flush(void *self, struct err *err)
{
    struct publisher *publisher = self;
    int64_t until_ms = patience_until(publisher);
    (void)rd_kafka_poll(publisher->rk, 0);
    while (is_well(publisher, err) && publisher->reported < publisher->put) {
        if (now_monotonic_ms() >= until_ms)
            note_failure(publisher, ERR_RETRY, "no report in time");
        (void)rd_kafka_flush(publisher->rk, POLL_MS);
    }
    return is_well(publisher, err);
}

static uint64_t durable(void *self)
{
    const struct publisher *publisher = self;
    return publisher->durable;
}

static const struct position *position(void *self)
{
    const struct publisher *publisher = self;
    return &publisher->position;
}

struct log_sink publisher_port(struct publisher *publisher)
{
    return (struct log_sink){
        .put = put, .flush = flush, .durable = durable, .position = position, .self = publisher};
}
