#include "services/gateway/kafka/producer.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/ops/metrics.h"
#include "services/gateway/kafka/conf.h"
#include "services/gateway/kafka/handle.h"

#include <stdlib.h>

#define REOPEN_MS 1000 /* a cluster that breaks every producer at once must not keep us busy */

struct producer {
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    struct handle *handle; /* NULL: broken, and not yet replaced */
    struct loop_timer *reopen;
    int64_t opened_ms;
    bool is_barred;
};

static struct metric_series recreated[] = {{.labels = ""}};
static struct metric recreated_metric = {
    .name = "kafka_producer_recreated_total",
    .help = "Producers replaced after a fatal error of librdkafka or the loss of a topic.",
    .kind = METRIC_COUNTER,
    .series = recreated,
    .count = 1,
};
static struct metric_series queued[] = {{.labels = ""}};
static struct metric queued_metric = {
    .name = "kafka_outbound_queue_messages",
    .help = "Records handed to librdkafka and not yet reported.",
    .kind = METRIC_GAUGE,
    .series = queued,
    .count = 1,
};
static struct metric_series connected[] = {{.labels = ""}};
static struct metric connected_metric = {
    .name = "kafka_brokers_connected",
    .help = "Broker connections that are up, as of the last second.",
    .kind = METRIC_GAUGE,
    .series = connected,
    .count = 1,
};

void producer_add_metrics(void)
{
    handle_add_metrics();
    metrics_add(&recreated_metric);
    metrics_add(&queued_metric);
    metrics_add(&connected_metric);
}

static void on_broken(void *self, const char *reason);
static size_t pending(void *self);

static bool open_handle(struct producer *producer, struct err *err)
{
    struct handle_host host = {
        .loop = producer->loop,
        .background = producer->background,
        .options = producer->options,
        .broken = on_broken,
        .self = producer,
    };
    producer->opened_ms = now_monotonic_ms();
    return handle_open(&host, &producer->handle, err);
}

static void on_reopen(void *self)
{
    struct producer *producer = self;
    struct err err;
    if (producer->handle != NULL || open_handle(producer, &err))
        return;
    log_error("new Kafka producer not opened, trying again", LOG_TEXT("error", err.text));
    loop_timer_arm(producer->reopen, REOPEN_MS);
}

static void replace_handle(struct producer *producer)
{
    struct handle *old = producer->handle;
    if (old == NULL)
        return;
    metric_add(&recreated[0], 1);
    producer->handle = NULL;
    int64_t since_ms = now_monotonic_ms() - producer->opened_ms;
    loop_timer_arm(producer->reopen, since_ms >= REOPEN_MS ? 0 : REOPEN_MS - since_ms);
    handle_retire(old);
}

static void on_broken(void *self, const char *reason)
{
    struct producer *producer = self;
    log_error("Kafka producer is broken, replacing it", LOG_TEXT("reason", reason),
              LOG_INT("pending", (int64_t)pending(producer)));
    replace_handle(producer);
}

void producer_bar(struct producer *producer)
{
    if (!producer->is_barred)
        log_error("topics are gone or wrong, nothing is taken");
    producer->is_barred = true;
}

void producer_renew(struct producer *producer)
{
    log_info("topics are there again");
    producer->is_barred = false;
    replace_handle(producer);
}

bool producer_check(const struct kafka_options *options, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!kafka_conf_producer(options, &conf, err))
        return false;
    rd_kafka_conf_destroy(conf);
    return true;
}

bool producer_open(struct loop *loop, struct background *background,
                   const struct kafka_options *options, struct producer **out, struct err *err)
{
    struct producer *producer = mem_alloc(sizeof(*producer));
    producer->loop = loop;
    producer->background = background;
    producer->options = options;
    if (!open_handle(producer, err)) {
        free(producer);
        return false;
    }
    producer->reopen = loop_timer_new(loop, on_reopen, producer);
    *out = producer;
    return true;
}

void producer_free(struct producer *producer)
{
    if (producer == NULL)
        return;
    loop_timer_free(producer->reopen);
    handle_free(producer->handle);
    free(producer);
}

static bool put(void *self, enum sink_topic topic, const struct record *record,
                struct receipt receipt, struct err *err)
{
    struct producer *producer = self;
    if (producer->is_barred)
        return err_set(err, ERR_RETRY, "the topics are not as they must be");
    if (producer->handle == NULL)
        return err_set(err, ERR_RETRY, "no Kafka producer right now");
    return handle_put(producer->handle, topic, record, receipt, err);
}

static size_t pending(void *self)
{
    const struct producer *producer = self;
    return producer->handle == NULL ? 0 : handle_pending(producer->handle);
}

struct record_sink producer_port(struct producer *producer)
{
    return (struct record_sink){.put = put, .pending = pending, .self = producer};
}

bool producer_is_ready(const struct producer *producer, struct err *err)
{
    if (producer->handle == NULL)
        return err_set(err, ERR_RETRY, "the producer is being replaced");
    if (handle_brokers_up(producer->handle) == 0)
        return err_set(err, ERR_RETRY, "no broker is connected");
    if (handle_pending(producer->handle) >= producer->options->high_mark)
        return err_set(err, ERR_RETRY, "%zu records wait for Kafka",
                       handle_pending(producer->handle));
    return true;
}

bool producer_has_lost_topic(const struct producer *producer)
{
    return producer->is_barred ||
           (producer->handle != NULL && handle_has_lost_topic(producer->handle));
}

void producer_update_metrics(const struct producer *producer)
{
    bool is_open = producer->handle != NULL;
    metric_set(&queued[0], is_open ? (int64_t)handle_pending(producer->handle) : 0);
    metric_set(&connected[0], is_open ? handle_brokers_up(producer->handle) : 0);
}
