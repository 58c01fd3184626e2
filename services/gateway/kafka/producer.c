#include "services/gateway/kafka/producer.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/kafka/tls_files.h"
#include "libs/ops/metrics.h"
#include "services/gateway/kafka/conf.h"
#include "services/gateway/kafka/handle.h"

#include <stdlib.h>

#define REOPEN_MS 1000 /* a cluster that breaks every producer at once must not keep us busy */
#define REFUSED_MS \
    10000 /* after a refusal; a balancer that waits longer than that gives us a try */

struct producer {
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    struct handle_shared shared;
    struct handle *handle; /* NULL: broken, and not yet replaced */
    struct loop_timer *reopen;
    int64_t opened_ms;
    bool is_barred;
    struct log_limit replacements;
    struct tls_files *files; /* NULL: there are none */
    struct loop_timer *look; /* at them */
    struct handle *next;     /* with changed files; NULL: none */
    unsigned reloads;
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
void producer_add_metrics(const struct settings_pairs *passed)
{
    handle_add_metrics();
    tls_files_add_metrics(passed);
    metrics_add(&recreated_metric);
    metrics_add(&queued_metric);
}

static void on_broken(void *self, const struct handle *handle, const char *reason);

static bool open_handle(struct producer *producer, struct handle **out, struct err *err)
{
    struct handle_host host = {
        .loop = producer->loop,
        .background = producer->background,
        .options = producer->options,
        .shared = &producer->shared,
        .broken = on_broken,
        .self = producer,
    };
    return handle_open(&host, out, err);
}

static bool open_first(struct producer *producer, struct err *err)
{
    producer->opened_ms = now_monotonic_ms();
    return open_handle(producer, &producer->handle, err);
}

static void on_reopen(void *self)
{
    struct producer *producer = self;
    struct err err;
    if (producer->handle != NULL || open_first(producer, &err))
        return;
    log_error("new Kafka producer not opened, trying again", LOG_TEXT("error", err.text));
    loop_timer_arm(producer->reopen, REOPEN_MS);
}

/* The files that `next` was made with are of no use. */
static void give_up_next(struct producer *producer, const char *why)
{
    struct handle *next = producer->next;
    producer->next = NULL;
    tls_files_refused(why);
    handle_retire(next);
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

static void on_broken(void *self, const struct handle *handle, const char *reason)
{
    struct producer *producer = self;
    uint64_t before = 0;
    if (handle == producer->next) {
        give_up_next(producer, reason);
        return;
    }
    if (log_limit_passes(&producer->replacements, &before))
        log_error("Kafka producer is broken, replacing it", LOG_TEXT("reason", reason),
                  LOG_INT("pending", (int64_t)producer->shared.pending),
                  LOG_INT("suppressed", (int64_t)before));
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

static void open_next(struct producer *producer)
{
    struct err err;
    if (producer->next != NULL)
        give_up_next(producer, "no broker let us in with them");
    if (!open_handle(producer, &producer->next, &err))
        tls_files_refused(err.text);
}

static void take_over(struct producer *producer)
{
    struct handle *old = producer->handle;
    producer->handle = producer->next;
    producer->next = NULL;
    producer->reloads++;
    tls_files_taken(producer->files);
    if (old != NULL)
        handle_drain(old);
}

static void on_look(void *self)
{
    struct producer *producer = self;
    loop_timer_arm(producer->look, TLS_FILES_LOOK_MS);
    if (tls_files_look(producer->files, now_monotonic_ms()))
        open_next(producer);
    if (producer->next != NULL && handle_brokers_up(producer->next) > 0)
        take_over(producer);
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
    producer->files = tls_files_new(options->passed);
    if (!open_first(producer, err)) {
        tls_files_free(producer->files);
        free(producer);
        return false;
    }
    producer->reopen = loop_timer_new(loop, on_reopen, producer);
    producer->look = loop_timer_new(loop, on_look, producer);
    if (producer->files != NULL)
        loop_timer_arm(producer->look, TLS_FILES_LOOK_MS);
    *out = producer;
    return true;
}

void producer_free(struct producer *producer)
{
    if (producer == NULL)
        return;
    loop_timer_free(producer->reopen);
    loop_timer_free(producer->look);
    handle_free(producer->next);
    handle_free(producer->handle);
    tls_files_free(producer->files);
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
    return producer->shared.pending;
}

struct record_sink producer_port(struct producer *producer)
{
    return (struct record_sink){.put = put, .pending = pending, .self = producer};
}

static bool is_refused(const struct producer *producer)
{
    int64_t refused_ms = producer->shared.refused_ms;
    return refused_ms != 0 && now_monotonic_ms() - refused_ms < REFUSED_MS;
}

bool producer_is_ready(const struct producer *producer, struct err *err)
{
    size_t waiting = producer->shared.pending;
    if (producer->handle == NULL)
        return err_set(err, ERR_RETRY, "the producer is being replaced");
    if (handle_brokers_up(producer->handle) == 0)
        return err_set(err, ERR_RETRY, "no broker is connected");
    if (is_refused(producer))
        return err_set(err, ERR_RETRY, "Kafka does not allow our records");
    if (waiting >= producer->options->high_mark)
        return err_set(err, ERR_RETRY, "%zu records wait for Kafka", waiting);
    return true;
}

unsigned producer_reloads(const struct producer *producer)
{
    return producer->reloads;
}

bool producer_has_lost_topic(const struct producer *producer)
{
    return producer->is_barred ||
           (producer->handle != NULL && handle_has_lost_topic(producer->handle));
}

void producer_update_metrics(const struct producer *producer)
{
    metric_set(&queued[0], (int64_t)producer->shared.pending);
    handle_show_statistics(producer->handle);
}
