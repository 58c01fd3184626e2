#include "services/gateway/kafka/handle.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/kafka/produce.h"
#include "libs/kafka/refusal.h"
#include "libs/kafka/statistics.h"
#include "libs/ops/metrics.h"
#include "services/gateway/kafka/conf.h"
#include "services/gateway/kafka/topics.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TOPICS 2 /* of enum sink_topic */

struct handle {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topics[TOPICS];
    int event_fd; /* librdkafka writes to it when the queue is no longer empty */
    struct loop_watch *watch;
    struct handle_host host;
    size_t pending;
    struct kafka_statistics statistics;
    bool has_lost_topic;
    bool is_leaving; /* it drains or is retired */
    bool is_polling; /* reports are being made: do not end under their feet */
};

/* What a record carries through librdkafka. */
struct tag {
    struct receipt receipt;
    int64_t put_us;
};

static struct metric_series delivery_seconds[] = {{.labels = ""}};
static struct metric delivery_seconds_metric = {
    .name = "kafka_delivery_seconds",
    .help = "From handing a record to librdkafka to its acknowledgement or failure.",
    .kind = METRIC_HISTOGRAM,
    .series = delivery_seconds,
    .count = 1,
};
static struct metric_series failures[] = {{.labels = ""}};
static struct metric failures_metric = {
    .name = "kafka_delivery_failures_total",
    .help = "Records that Kafka refused or did not acknowledge in time.",
    .kind = METRIC_COUNTER,
    .series = failures,
    .count = 1,
};

void handle_add_metrics(void)
{
    metrics_add(&delivery_seconds_metric);
    metrics_add(&failures_metric);
    kafka_refusals_add();
    kafka_statistics_add_metrics(KAFKA_PRODUCER);
}

static bool is_topic_lost(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static void note_refusal(struct handle *handle, rd_kafka_resp_err_t code, const char *text)
{
    if (kafka_refusal_tell(code, text))
        handle->host.shared->refused_ms = now_monotonic_ms();
}

static void report(struct handle *handle, const rd_kafka_message_t *message)
{
    struct tag *tag = message->_private;
    struct delivery delivery = {
        .is_durable = produce_is_durable(message),
        .partition = message->partition,
        .offset = message->offset,
    };
    if (!delivery.is_durable) {
        delivery.error = rd_kafka_err2str(message->err);
        delivery.is_too_large = produce_is_too_large(message->err);
        handle->has_lost_topic |= is_topic_lost(message->err);
        note_refusal(handle, message->err, delivery.error);
        metric_add(&failures[0], 1);
    } else {
        handle->host.shared->refused_ms = 0;
    }
    metric_observe_us(&delivery_seconds[0], now_monotonic_us() - tag->put_us);
    handle->pending--;
    handle->host.shared->pending--;
    tag->receipt.fn(tag->receipt.arg, &delivery);
    free(tag);
}

static void report_all(struct handle *handle, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message = NULL;
    while ((message = rd_kafka_event_message_next(event)) != NULL)
        report(handle, message);
}

static void give_up_pending(struct handle *handle)
{
    (void)rd_kafka_purge(handle->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                         RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static void on_fatal_error(struct handle *handle, const char *text)
{
    note_refusal(handle, rd_kafka_fatal_error(handle->rk, NULL, 0), text);
    if (handle->is_leaving)
        give_up_pending(handle); /* nothing of it will be acknowledged */
    else
        handle->host.broken(handle->host.self, handle, text);
}

static void on_error(struct handle *handle, rd_kafka_event_t *event)
{
    struct handle_shared *shared = handle->host.shared;
    uint64_t before = 0;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        handle->statistics.numbers[KAFKA_BROKERS_CONNECTED] = 0;
    if (rd_kafka_event_error_is_fatal(event) != 0)
        on_fatal_error(handle, text);
    else if (!kafka_refusal_tell(code, text) && log_limit_passes(&shared->errors, &before))
        log_warn("Kafka error", LOG_TEXT("code", rd_kafka_err2name(code)), LOG_TEXT("text", text),
                 LOG_INT("suppressed", (int64_t)before));
}

static void on_event(struct handle *handle, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        report_all(handle, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        on_error(handle, event);
        break;
    case RD_KAFKA_EVENT_STATS:
        /* Also the only way to learn that a broker came back. */
        (void)kafka_statistics_take(&handle->statistics,
                                    bytes_of_text(rd_kafka_event_stats(event)));
        break;
    default:
        break;
    }
}

static void destroy_rk(void *arg)
{
    struct handle *handle = arg;
    rd_kafka_destroy(handle->rk);
}

static void free_struct(void *arg)
{
    free(arg);
}

/* Everything but the call that may block. */
static void disconnect(struct handle *handle)
{
    if (handle->queue != NULL) {
        rd_kafka_queue_io_event_enable(handle->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(handle->queue);
    }
    loop_watch_free(handle->watch);
    for (size_t i = 0; i < TOPICS; i++)
        if (handle->topics[i] != NULL)
            rd_kafka_topic_destroy(handle->topics[i]);
    if (handle->event_fd >= 0)
        (void)close(handle->event_fd);
}

static void end_if_done(struct handle *handle)
{
    if (!handle->is_leaving || handle->is_polling || handle->pending > 0)
        return;
    disconnect(handle);
    background_run(handle->host.background, destroy_rk, free_struct, handle);
}

static void on_readable(void *self, bool readable, bool writable)
{
    struct handle *handle = self;
    (void)readable;
    (void)writable;
    uint64_t ignored = 0;
    if (read(handle->event_fd, &ignored, sizeof(ignored)) < 0)
        ignored = 0; /* somebody read it before: the queue is looked at all the same */

    handle->is_polling = true;
    rd_kafka_event_t *event = NULL;
    while ((event = rd_kafka_queue_poll(handle->queue, 0)) != NULL) {
        on_event(handle, event);
        rd_kafka_event_destroy(event);
    }
    handle->is_polling = false;
    end_if_done(handle);
}

static bool open_queue(struct handle *handle, struct err *err)
{
    static const uint64_t one = 1; /* what an eventfd takes */
    handle->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (handle->event_fd < 0)
        return err_set(err, ERR_FATAL, "no descriptor for Kafka's events");
    handle->queue = rd_kafka_queue_get_main(handle->rk);
    handle->watch = loop_watch_new(handle->host.loop, handle->event_fd, on_readable, handle);
    loop_watch_want(handle->watch, true, false);
    rd_kafka_queue_io_event_enable(handle->queue, handle->event_fd, &one, sizeof(one));
    /* librdkafka writes when the queue stops being empty, and it may hold an event already. */
    if (write(handle->event_fd, &one, sizeof(one)) < 0)
        return err_set(err, ERR_FATAL, "cannot wake for Kafka's events");
    return true;
}

static bool open_topics(struct handle *handle, struct err *err)
{
    for (size_t i = 0; i < TOPICS; i++) {
        char name[TOPIC_NAME_MAX];
        topic_name(handle->host.options->topic_prefix, (enum sink_topic)i, name);
        handle->topics[i] = rd_kafka_topic_new(handle->rk, name, NULL);
        if (handle->topics[i] == NULL)
            return err_set(err, ERR_FATAL, "topic %s: %s", name,
                           rd_kafka_err2str(rd_kafka_last_error()));
    }
    return true;
}

bool handle_open(const struct handle_host *host, struct handle **out, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!kafka_conf_producer(host->options, &conf, err))
        return false;
    char text[200];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "librdkafka: %s", text);
    }
    struct handle *handle = mem_alloc(sizeof(*handle));
    *handle = (struct handle){.rk = rk, .event_fd = -1, .host = *host};
    if (!open_queue(handle, err) || !open_topics(handle, err)) {
        handle_free(handle);
        return false;
    }
    *out = handle;
    return true;
}

static bool refuse(struct handle *handle, rd_kafka_error_t *error, struct err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    handle->has_lost_topic |= is_topic_lost(code);
    note_refusal(handle, code, rd_kafka_err2str(code));
    rd_kafka_error_destroy(error);
    return err_set(err, produce_is_too_large(code) ? ERR_REJECT : ERR_RETRY, "produce: %s",
                   rd_kafka_err2str(code));
}

bool handle_put(struct handle *handle, enum sink_topic topic, const struct record *record,
                struct receipt receipt, struct err *err)
{
    struct tag *tag = mem_alloc(sizeof(*tag));
    *tag = (struct tag){.receipt = receipt, .put_us = now_monotonic_us()};
    /* Not librdkafka's choice: it would move chats as soon as it learns of more partitions. */
    struct bytes key = {record->key, record->key_len};
    int32_t partition = record_partition(key, handle->host.options->partitions);
    rd_kafka_error_t *error =
        produce_record(handle->rk, handle->topics[topic], partition, record, tag);
    if (error == NULL) {
        handle->pending++;
        handle->host.shared->pending++;
        return true;
    }
    free(tag);
    return refuse(handle, error, err);
}

bool handle_has_lost_topic(const struct handle *handle)
{
    return handle->has_lost_topic;
}

int handle_brokers_up(const struct handle *handle)
{
    return (int)handle->statistics.numbers[KAFKA_BROKERS_CONNECTED];
}

void handle_show_statistics(const struct handle *handle)
{
    kafka_statistics_show(handle == NULL ? NULL : &handle->statistics);
}

void handle_drain(struct handle *handle)
{
    handle->is_leaving = true;
    end_if_done(handle);
}

void handle_retire(struct handle *handle)
{
    give_up_pending(handle);
    handle_drain(handle);
}

void handle_free(struct handle *handle)
{
    if (handle == NULL)
        return;
    assert(handle->pending == 0);
    disconnect(handle);
    rd_kafka_destroy(handle->rk);
    free(handle);
}
