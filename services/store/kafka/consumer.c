#include "services/store/kafka/consumer.h"

#include "libs/base/cleanup.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/kafka/conf.h"
#include "services/store/kafka/topic_check.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT_MS 1000 /* positions are told to the broker at most this often */
#define RANGE_TIMEOUT_MS 1000
#define LEAVE_TIMEOUT_MS 3000
#define LEAVE_POLL_MS 50

DEFINE_AUTO(list, rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)

struct consumer {
    struct consumer_options options;
    rd_kafka_t *rk;
    struct consumer_topic topic; /* as last checked */
    bool has_joined;
    bool is_owner; /* between an assignment and its end */
    /* What callbacks noted, until poll tells it. */
    bool is_revoked;
    bool is_assigned;
    rd_kafka_resp_err_t trouble;
    int32_t *assigned;
    size_t assigned_count;
    /* Positions not yet told to the broker. */
    rd_kafka_topic_partition_list_t *exports;
    int64_t exported_ms;
};

/* Committed offsets serve lag tools alone, so a failure is nobody's loss. */
static void send_exports(struct consumer *consumer)
{
    if (consumer->exports->cnt == 0)
        return;
    (void)rd_kafka_commit(consumer->rk, consumer->exports, 1);
    rd_kafka_topic_partition_list_destroy(consumer->exports);
    consumer->exports = rd_kafka_topic_partition_list_new(16);
    consumer->exported_ms = now_monotonic_ms();
}

/* Runs inside poll. Nothing is fetched until start(): the partitions' places are not known here. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct consumer *consumer = opaque;
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        consumer->is_revoked = true;
        consumer->is_assigned = false;
        consumer->is_owner = false;
        send_exports(consumer); /* kept, they would later overwrite what the next owner says */
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
    (void)reason;
    consumer->trouble = (rd_kafka_resp_err_t)code;
}

bool consumer_new(const struct consumer_options *options, struct consumer **out, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!consumer_conf(options, &conf, err))
        return false;
    struct consumer *consumer = mem_alloc(sizeof(*consumer));
    consumer->options = *options;
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);

    char text[200];
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (consumer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        free(consumer);
        return err_set(err, ERR_FATAL, "make the consumer: %s", text);
    }
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    consumer->exports = rd_kafka_topic_partition_list_new(16);
    *out = consumer;
    return true;
}

bool consumer_check_topic(struct consumer *consumer, int timeout_ms, struct consumer_topic *out,
                          struct err *err)
{
    if (!topic_check(consumer->rk, consumer->options.topic, timeout_ms, &consumer->topic, err))
        return false;
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
    /* Of a damaged record librdkafka says more only later, when we may have begun anew already. */
    bool is_lost = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                   message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
                   message->err == RD_KAFKA_RESP_ERR__BAD_MSG;
    *out = (struct source_event){.kind = is_lost ? SOURCE_LOST_POSITION : SOURCE_TROUBLE,
                                 .partition = message->partition,
                                 .why = rd_kafka_err2str(message->err)};
    return true;
}

static bool poll(void *self, int timeout_ms, struct source_event *out, struct err *err)
{
    struct consumer *consumer = self;
    if (take_note(consumer, out))
        return true;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
    if (message == NULL) {
        *out = (struct source_event){.kind = SOURCE_NOTHING};
        (void)take_note(consumer, out);
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
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

/* The timestamps that ask for the edges. (rd_kafka_query_watermark_offsets heeds no timeout.) */
#define FIRST_TIMESTAMP (-2)
#define END_TIMESTAMP (-1)

static bool list_edges(struct consumer *consumer, rd_kafka_topic_partition_list_t *list,
                       int64_t timestamp, struct err *err)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = timestamp;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(consumer->rk, list, RANGE_TIMEOUT_MS);
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           err_set(err, ERR_RETRY, "ask for the log's edges: %s", rd_kafka_err2str(code));
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
    if (count > 0 && (!list_edges(consumer, first, FIRST_TIMESTAMP, err) ||
                      !list_edges(consumer, end, END_TIMESTAMP, err)))
        return false;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct log_range){.first_offset = first->elems[i].offset,
                                    .end_offset = end->elems[i].offset};
    return true;
}

static bool identify(void *self, struct log_identity *out, struct err *err)
{
    struct consumer *consumer = self;
    return topic_identify(consumer->rk, consumer->options.topic, RANGE_TIMEOUT_MS, out, err);
}

static void export_offset(void *self, int32_t partition, int64_t next_offset)
{
    struct consumer *consumer = self;
    const char *topic = consumer->options.topic;
    rd_kafka_topic_partition_t *entry =
        rd_kafka_topic_partition_list_find(consumer->exports, topic, partition);
    if (entry == NULL)
        entry = rd_kafka_topic_partition_list_add(consumer->exports, topic, partition);
    entry->offset = next_offset;
    if (now_monotonic_ms() - consumer->exported_ms >= EXPORT_MS)
        send_exports(consumer);
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
        .self = consumer,
    };
}

/* rd_kafka_consumer_close would wait for a coordinator that is away for as long as its session. */
static void leave_group(rd_kafka_t *rk)
{
    int64_t deadline_ms = now_monotonic_ms() + LEAVE_TIMEOUT_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    while (error == NULL && !rd_kafka_consumer_closed(rk) && now_monotonic_ms() < deadline_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LEAVE_POLL_MS);
        if (event == NULL)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            (void)rd_kafka_assign(rk, NULL);
        rd_kafka_event_destroy(event);
    }
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

void consumer_free(struct consumer *consumer)
{
    if (consumer == NULL)
        return;
    send_exports(consumer);
    if (consumer->has_joined)
        leave_group(consumer->rk);
    rd_kafka_topic_partition_list_destroy(consumer->exports);
    rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(consumer->assigned);
    free(consumer);
}
