#include "services/store/kafka/consumer.h"

#include "libs/base/cleanup.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/kafka/conf.h"
#include "libs/kafka/refusal.h"
#include "libs/kafka/statistics.h"
#include "libs/kafka/tls_files.h"
#include "services/store/kafka/conf.h"
#include "services/store/kafka/exports.h"
#include "services/store/kafka/leave.h"
#include "services/store/kafka/renewal.h"
#include "services/store/kafka/topic_check.h"
#include "services/store/kafka/wake.h"

#include <stdlib.h>
#include <string.h>

#define STATISTICS_MS 5000
#define RANGE_TIMEOUT_MS 1000
#define WAKE_MS 10
#define PROOF_TIMEOUT_MS \
    5000 /* a broker may be busy; membership of the group goes on meanwhile \
          */

DEFINE_AUTO(list, rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)

struct consumer {
    struct consumer_options options;
    rd_kafka_t *rk;
    rd_kafka_t
        *next; /* takes over at the next poll, which was told that nothing is ours; or NULL */
    struct renewal renewal;
    struct consumer_topic topic;        /* as last checked */
    struct kafka_statistics statistics; /* of rk */
    bool has_joined;
    bool is_owner; /* between an assignment and its end */
    /* What callbacks noted, until poll tells it. */
    bool is_revoked;
    bool is_assigned;
    rd_kafka_resp_err_t trouble;
    int32_t *assigned;
    size_t assigned_count;
    struct exports exports;
    int64_t woken_ms;
};

/* Runs inside poll. Nothing is fetched until start(): the partitions' places are not known here. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct consumer *consumer = opaque;
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        consumer->is_revoked = true;
        consumer->is_assigned = false;
        consumer->is_owner = false;
        exports_send(&consumer->exports,
                     rk); /* kept, they would later overwrite what the next owner says */
        (void)rd_kafka_assign(rk, NULL);
        return;
    }
    consumer->is_assigned = true;
    consumer->is_owner = true;
    consumer->assigned_count = (size_t)partitions->cnt;
    consumer->assigned =
        mem_grow(consumer->assigned, consumer->assigned_count, sizeof(*consumer->assigned));
    for (int i = 0; i < partitions->cnt; i++)
        consumer->assigned[i] = partitions->elems[i].partition;
    AUTO(list) rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
    (void)rd_kafka_assign(rk, nothing);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct consumer *consumer = opaque;
    (void)rk;
    consumer->trouble = (rd_kafka_resp_err_t)code;
    (void)kafka_refusal_tell(consumer->trouble, reason);
}

/* Runs inside poll. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type of librdkafka's callback */
static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    struct consumer *consumer = opaque;
    if (rk == consumer->rk &&
        kafka_statistics_take(&consumer->statistics, (struct bytes){json, len}))
        kafka_statistics_show(&consumer->statistics);
    return 0; /* the text stays librdkafka's */
}

static bool open_client(struct consumer *consumer, rd_kafka_t **out, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!consumer_conf(&consumer->options, &conf, err))
        return false;
    if (!kafka_conf_set_number(conf, "statistics.interval.ms", STATISTICS_MS, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);

    char text[200];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "make the consumer: %s", text);
    }
    (void)rd_kafka_poll_set_consumer(rk);
    *out = rk;
    return true;
}

void consumer_add_metrics(const struct settings_pairs *passed)
{
    kafka_refusals_add();
    tls_files_add_metrics(passed);
    kafka_statistics_add_metrics(KAFKA_CONSUMER);
}

bool consumer_new(const struct consumer_options *options, struct consumer **out, struct err *err)
{
    struct consumer *consumer = mem_alloc(sizeof(*consumer));
    consumer->options = *options;
    renewal_init(&consumer->renewal, options->passed);
    if (!open_client(consumer, &consumer->rk, err)) {
        renewal_done(&consumer->renewal);
        free(consumer);
        return false;
    }
    exports_init(&consumer->exports);
    *out = consumer;
    return true;
}

/* Before it has joined nothing is held, so a new client takes over at once. */
static void renew_unjoined(struct consumer *consumer)
{
    rd_kafka_t *next = NULL;
    struct err err;
    if (!renewal_is_due(&consumer->renewal, now_monotonic_ms()))
        return;
    if (!open_client(consumer, &next, &err)) {
        renewal_failed(&consumer->renewal, &err);
        return;
    }
    leave_and_destroy(consumer->rk, false);
    consumer->rk = next;
    consumer->statistics = (struct kafka_statistics){0};
    renewal_made(&consumer->renewal);
}

/* What the client has to say beside records, which it has none of before it has joined. */
static void hear_errors(struct consumer *consumer)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, 0);
    if (message != NULL)
        rd_kafka_message_destroy(message);
}

bool consumer_check_topic(struct consumer *consumer, int timeout_ms, struct consumer_topic *out,
                          struct err *err)
{
    renew_unjoined(consumer);
    if (!topic_check(consumer->rk, consumer->options.topic, timeout_ms, &consumer->topic, err)) {
        hear_errors(consumer);
        return false;
    }
    *out = consumer->topic;
    return true;
}

bool consumer_join(struct consumer *consumer, struct err *err)
{
    AUTO(list) rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(topics, consumer->options.topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_FATAL, "join the consumer group: %s", rd_kafka_err2str(code));
    consumer->has_joined = true;
    return true;
}

/* What callbacks noted, the most important first. */
static bool take_note(struct consumer *consumer, struct source_event *out)
{
    if (consumer->is_revoked) {
        consumer->is_revoked = false;
        *out = (struct source_event){.kind = SOURCE_REVOKED};
        return true;
    }
    if (consumer->is_assigned) {
        consumer->is_assigned = false;
        *out = (struct source_event){.kind = SOURCE_ASSIGNED,
                                     .partitions = consumer->assigned,
                                     .partition_count = consumer->assigned_count,
                                     .topic_partitions = consumer->topic.partition_count,
                                     .cluster_id = consumer->topic.cluster_id};
        return true;
    }
    if (consumer->trouble != RD_KAFKA_RESP_ERR_NO_ERROR) {
        *out = (struct source_event){.kind = SOURCE_TROUBLE,
                                     .why = rd_kafka_err2str(consumer->trouble)};
        consumer->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
        return true;
    }
    return false;
}

static void fill_record(rd_kafka_message_t *message, struct record_view *out)
{
    *out = (struct record_view){
        .place = {.partition = message->partition,
                  .offset = message->offset,
                  .record_ms = rd_kafka_message_timestamp(message, NULL)},
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .handle = message,
    };
}

/* A message with an error is news about the log or the brokers. */
static bool fill_trouble(struct consumer *consumer, const rd_kafka_message_t *message,
                         struct source_event *out, struct err *err)
{
    char text[160];
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        (void)rd_kafka_fatal_error(consumer->rk, text, sizeof(text));
        return err_set(err, ERR_FATAL, "the consumer cannot go on: %s", text);
    }
    renewal_note(&consumer->renewal, message->err, rd_kafka_message_errstr(message));
    /* Of a damaged record librdkafka says more only later, when we may have begun anew already. */
    bool is_lost = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                   message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
                   message->err == RD_KAFKA_RESP_ERR__BAD_MSG;
    *out = (struct source_event){.kind = is_lost ? SOURCE_LOST_POSITION : SOURCE_TROUBLE,
                                 .partition = message->partition,
                                 .why = rd_kafka_err2str(message->err)};
    return true;
}

/* A client that may read. */
static bool open_next(struct consumer *consumer)
{
    struct err err;
    bool is_open = open_client(consumer, &consumer->next, &err);
    if (is_open &&
        topic_prove_readable(consumer->next, consumer->options.topic, PROOF_TIMEOUT_MS, &err))
        return true;
    if (is_open)
        leave_and_destroy(consumer->next, false);
    consumer->next = NULL;
    renewal_failed(&consumer->renewal, &err);
    return false;
}

static bool take_over(struct consumer *consumer, struct err *err)
{
    exports_send(&consumer->exports, consumer->rk);
    leave_and_destroy(consumer->rk, true);
    consumer->rk = consumer->next;
    consumer->next = NULL;
    consumer->statistics = (struct kafka_statistics){0};
    consumer->is_revoked = false;
    consumer->is_assigned = false;
    consumer->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
    renewal_made(&consumer->renewal);
    return consumer_join(consumer, err);
}

/* Two steps: tell that nothing is ours any more, so that nothing of the old client is held at the
 * next poll, which ends it. True: *out is set. */
static bool begin_renewal(struct consumer *consumer, struct source_event *out)
{
    if (renewal_is_idle(&consumer->renewal) ||
        !renewal_is_due(&consumer->renewal, now_monotonic_ms()) || !open_next(consumer))
        return false;
    consumer->is_owner = false;
    *out = (struct source_event){.kind = SOURCE_REVOKED};
    return true;
}

static void wake_up(struct consumer *consumer)
{
    int64_t now_ms = now_monotonic_ms();
    if (!consumer->is_owner || now_ms - consumer->woken_ms < WAKE_MS)
        return;
    wake_fetching(consumer->rk);
    consumer->woken_ms = now_monotonic_ms();
}

static bool poll(void *self, int timeout_ms, struct source_event *out, struct err *err)
{
    struct consumer *consumer = self;
    if (consumer->next != NULL && !take_over(consumer, err))
        return false;
    if (take_note(consumer, out) || begin_renewal(consumer, out))
        return true;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
    if (message == NULL) {
        *out = (struct source_event){.kind = SOURCE_NOTHING};
        if (!take_note(consumer, out))
            wake_up(consumer);
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        backoff_reset(&consumer->renewal.backoff);
        out->kind = SOURCE_RECORD;
        fill_record(message, &out->record);
        return true;
    }
    bool known = fill_trouble(consumer, message, out, err);
    rd_kafka_message_destroy(message);
    return known;
}

static void release(void *self, struct record_view *record)
{
    (void)self;
    rd_kafka_message_destroy(record->handle);
    record->handle = NULL;
}

/* Records of an earlier assignment that are queued here are dropped by librdkafka. */
static bool start(void *self, const struct source_start *wanted, struct err *err)
{
    struct consumer *consumer = self;
    if (!consumer->is_owner)
        return true; /* the group is between two assignments: nothing is fetched anyway */
    AUTO(list)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)wanted->count);
    for (size_t i = 0; i < wanted->count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->options.topic, wanted->partitions[i])
            ->offset = wanted->offsets[i];
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "start the partitions: %s", rd_kafka_err2str(code));
    return true;
}

static bool ranges(void *self, const int32_t *partitions, size_t count, struct log_range *out,
                   struct err *err)
{
    struct consumer *consumer = self;
    AUTO(list)
    rd_kafka_topic_partition_list_t *first = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        (void)rd_kafka_topic_partition_list_add(first, consumer->options.topic, partitions[i]);
    AUTO(list) rd_kafka_topic_partition_list_t *end = rd_kafka_topic_partition_list_copy(first);
    if (count > 0 && (!topic_edges(consumer->rk, first, EDGE_FIRST, RANGE_TIMEOUT_MS, err) ||
                      !topic_edges(consumer->rk, end, EDGE_END, RANGE_TIMEOUT_MS, err)))
        return false;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct log_range){.first_offset = first->elems[i].offset,
                                    .end_offset = end->elems[i].offset};
    return true;
}

static bool identify(void *self, struct log_identity *out, struct err *err)
{
    struct consumer *consumer = self;
    if (consumer->renewal.refusal != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "Kafka refuses the records: %s",
                       rd_kafka_err2str(consumer->renewal.refusal));
    return topic_identify(consumer->rk, consumer->options.topic, RANGE_TIMEOUT_MS, out, err);
}

static void export_offset(void *self, int32_t partition, int64_t next_offset)
{
    struct consumer *consumer = self;
    rd_kafka_topic_partition_t position = {.topic = (char *)(uintptr_t)consumer->options.topic,
                                           .partition = partition,
                                           .offset = next_offset};
    exports_put(&consumer->exports, consumer->rk, &position);
}

static struct bytes header(void *self, const struct record_view *record, const char *name)
{
    (void)self;
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;
    if (rd_kafka_message_headers(record->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return (struct bytes){NULL, 0};
    return (struct bytes){value, len};
}

static int64_t known_end(void *self, int32_t partition)
{
    const struct consumer *consumer = self;
    int64_t first = 0;
    int64_t end = 0;
    if (rd_kafka_get_watermark_offsets(consumer->rk, consumer->options.topic, partition, &first,
                                       &end) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        end == RD_KAFKA_OFFSET_INVALID)
        return -1;
    return end;
}

struct record_source consumer_port(struct consumer *consumer)
{
    return (struct record_source){
        .poll = poll,
        .release = release,
        .start = start,
        .ranges = ranges,
        .identify = identify,
        .known_end = known_end,
        .export_offset = export_offset,
        .header = header,
        .self = consumer,
    };
}

void consumer_free(struct consumer *consumer)
{
    if (consumer == NULL)
        return;
    exports_send(&consumer->exports, consumer->rk);
    leave_and_destroy(consumer->rk, consumer->has_joined);
    if (consumer->next != NULL)
        leave_and_destroy(consumer->next, false);
    exports_done(&consumer->exports);
    renewal_done(&consumer->renewal);
    free(consumer->assigned);
    free(consumer);
}
