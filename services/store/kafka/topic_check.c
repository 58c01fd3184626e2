#include "services/store/kafka/topic_check.h"

#include "libs/base/cleanup.h"
#include "libs/base/log.h"
#include "libs/base/now.h"
#include "libs/kafka/refusal.h"
#include "libs/wire/position.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_POLL_MS 20

static void destroy_metadata(const struct rd_kafka_metadata *metadata)
{
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
}

static void destroy_topic(rd_kafka_topic_t *topic)
{
    if (topic != NULL)
        rd_kafka_topic_destroy(topic);
}

static void destroy_event(rd_kafka_event_t *event)
{
    if (event != NULL)
        rd_kafka_event_destroy(event);
}

DEFINE_AUTO(metadata, const struct rd_kafka_metadata *, destroy_metadata)
DEFINE_AUTO(topic, rd_kafka_topic_t *, destroy_topic)
DEFINE_AUTO(event, rd_kafka_event_t *, destroy_event)
DEFINE_AUTO(queue, rd_kafka_queue_t *, rd_kafka_queue_destroy)
DEFINE_AUTO(options, rd_kafka_AdminOptions_t *, rd_kafka_AdminOptions_destroy)
DEFINE_AUTO(list, rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)
DEFINE_AUTO(resource, rd_kafka_ConfigResource_t *, rd_kafka_ConfigResource_destroy)

/* A wrong value here breaks a promise, so the service does not start. */
static const struct {
    const char *name;
    const char *value;
    const char *why;
} WANTED[] = {
    {"message.timestamp.type", "LogAppendTime",
     "a fast clock of one writer could poison the statistics"},
    {"cleanup.policy", "delete", "compaction makes holes, and a hole stops a partition"},
    {"retention.ms", "-1", "what the log forgets cannot be rebuilt"},
    {"retention.bytes", "-1", "what the log forgets cannot be rebuilt"},
};

static bool read_metadata(rd_kafka_t *rk, const char *name, int timeout_ms,
                          struct consumer_topic *out, struct err *err)
{
    AUTO(topic) rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &found, timeout_ms);
    AUTO(metadata) const struct rd_kafka_metadata *metadata = found;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "ask the brokers about topic %s: %s", name,
                       rd_kafka_err2str(code));

    rd_kafka_resp_err_t state = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                                         : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (state == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return err_set(err, ERR_FATAL,
                       "topic %s does not exist; run `telefact-gateway topics create`", name);
    if (state != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "topic %s: %s", name, rd_kafka_err2str(state));
    out->partition_count = metadata->topics[0].partition_cnt;
    if (out->partition_count > POSITION_PARTITIONS_MAX)
        return err_set(err, ERR_FATAL, "topic %s has %d partitions, at most %d are supported", name,
                       (int)out->partition_count, POSITION_PARTITIONS_MAX);
    return true;
}

static bool check_entries(const rd_kafka_ConfigResource_t *resource, const char *topic,
                          struct err *err)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        for (size_t w = 0; w < sizeof(WANTED) / sizeof(*WANTED); w++) {
            if (strcmp(name, WANTED[w].name) != 0 ||
                (value != NULL && strcmp(value, WANTED[w].value) == 0))
                continue;
            return err_set(
                err, ERR_FATAL,
                "topic %s has %s=%s, wanted %s (%s); run `telefact-gateway topics check`", topic,
                name, value == NULL ? "" : value, WANTED[w].value, WANTED[w].why);
        }
    }
    return true;
}

static bool check_config(rd_kafka_t *rk, const char *topic, int timeout_ms, struct err *err)
{
    char text[160];
    AUTO(queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    AUTO(options)
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    AUTO(resource)
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text));
    rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);

    AUTO(event) rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "read the settings of topic %s: %s", topic,
                       event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    size_t count = 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count != 1)
        return err_set(err, ERR_RETRY, "read the settings of topic %s: no answer", topic);
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[0]);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        log_warn("topic settings are not checked: no right to describe them",
                 LOG_TEXT("topic", topic));
        return true;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "read the settings of topic %s: %s", topic,
                       rd_kafka_err2str(code));
    return check_entries(found[0], topic, err);
}

/* As of the last metadata that came in. */
static bool read_cluster_id(rd_kafka_t *rk, int timeout_ms, char *out, struct err *err)
{
    char *cluster_id = rd_kafka_clusterid(rk, timeout_ms);
    if (cluster_id == NULL)
        return err_set(err, ERR_RETRY, "ask the brokers for the cluster's id: no answer");
    (void)snprintf(out, CLUSTER_ID_MAX, "%s", cluster_id);
    rd_kafka_mem_free(rk, cluster_id);
    return true;
}

bool topic_check(rd_kafka_t *rk, const char *topic, int timeout_ms, struct consumer_topic *out,
                 struct err *err)
{
    struct consumer_topic checked = {0};
    if (!read_metadata(rk, topic, timeout_ms, &checked, err) ||
        !check_config(rk, topic, timeout_ms, err))
        return false;
    if (!read_cluster_id(rk, timeout_ms, checked.cluster_id, err))
        return false;
    *out = checked;
    return true;
}

bool topic_identify(rd_kafka_t *rk, const char *topic, int timeout_ms, struct log_identity *out,
                    struct err *err)
{
    struct consumer_topic found = {0};
    if (!read_metadata(rk, topic, timeout_ms, &found, err) ||
        !read_cluster_id(rk, timeout_ms, found.cluster_id, err)) {
        err->kind = ERR_RETRY;
        return false;
    }
    out->topic_partitions = found.partition_count;
    memcpy(out->cluster_id, found.cluster_id, sizeof(out->cluster_id));
    return true;
}

/* By times, whose question heeds its timeout. */
bool topic_edges(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, enum topic_edge edge,
                 int timeout_ms, struct err *err)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = edge;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           err_set(err, ERR_RETRY, "ask for the log's edges: %s", rd_kafka_err2str(code));
}

static bool assign_end(rd_kafka_t *rk, const char *topic)
{
    AUTO(list) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_END;
    return rd_kafka_assign(rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The client knows where a partition ends from the answer to a fetch. */
static bool has_fetched(rd_kafka_t *rk, const char *topic)
{
    int64_t first = 0;
    int64_t end = 0;
    return rd_kafka_get_watermark_offsets(rk, topic, 0, &first, &end) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           end != RD_KAFKA_OFFSET_INVALID;
}

bool topic_prove_readable(rd_kafka_t *rk, const char *topic, int timeout_ms, struct err *err)
{
    int64_t until_ms = now_monotonic_ms() + timeout_ms;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    bool is_asking = assign_end(rk, topic);
    while (is_asking && !has_fetched(rk, topic) && now_monotonic_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, PROOF_POLL_MS);
        if (message == NULL)
            continue;
        code = message->err;
        is_asking = kafka_refusal_of(code, NULL) == KAFKA_REFUSAL_NONE;
        rd_kafka_message_destroy(message);
    }
    bool is_proven = is_asking && has_fetched(rk, topic);
    (void)rd_kafka_assign(rk, NULL);
    return is_proven || err_set(err, ERR_RETRY, "read topic %s: %s", topic, rd_kafka_err2str(code));
}
