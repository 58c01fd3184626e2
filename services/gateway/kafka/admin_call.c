#include "services/gateway/kafka/admin_call.h"

#include "libs/base/bytes.h"
#include "libs/base/cleanup.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/gateway/kafka/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLACK_MS 5000 /* librdkafka tells of an answer that did not come */
#define SETTLE_MS 100 /* until a new topic is looked for again */

struct admin_call {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int answer_ms;
};

static void free_event(rd_kafka_event_t *event)
{
    if (event != NULL)
        rd_kafka_event_destroy(event);
}

static void free_options(rd_kafka_AdminOptions_t *options)
{
    if (options != NULL)
        rd_kafka_AdminOptions_destroy(options);
}

static void free_resource(rd_kafka_ConfigResource_t *resource)
{
    if (resource != NULL)
        rd_kafka_ConfigResource_destroy(resource);
}

static void free_metadata(const struct rd_kafka_metadata *metadata)
{
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
}

DEFINE_AUTO(event, rd_kafka_event_t *, free_event)
DEFINE_AUTO(options, rd_kafka_AdminOptions_t *, free_options)
DEFINE_AUTO(resource, rd_kafka_ConfigResource_t *, free_resource)
DEFINE_AUTO(metadata, const struct rd_kafka_metadata *, free_metadata)

static enum err_kind blame(rd_kafka_resp_err_t code)
{
    bool is_refusal =
        code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ||
        code == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS || code == RD_KAFKA_RESP_ERR_INVALID_CONFIG ||
        code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
    return is_refusal ? ERR_FATAL : ERR_RETRY;
}

static bool fail(const struct admin_call *admin, rd_kafka_resp_err_t code, const char *text,
                 struct err *err)
{
    const char *why = text == NULL ? rd_kafka_err2str(code) : text;
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
        return err_set(err, ERR_RETRY, "no answer from Kafka within %d ms (%s)", admin->answer_ms,
                       why);
    return err_set(err, blame(code), "%s", why);
}

bool admin_call_open(const struct kafka_options *options, int answer_ms, struct admin_call **out,
                     struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    char text[200];
    if (!kafka_conf_admin(options, &conf, err))
        return false;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "librdkafka: %s", text);
    }
    struct admin_call *admin = mem_alloc(sizeof(*admin));
    admin->rk = rk;
    admin->queue = rd_kafka_queue_new(rk);
    admin->answer_ms = answer_ms;
    *out = admin;
    return true;
}

void admin_call_free(struct admin_call *admin)
{
    if (admin == NULL)
        return;
    rd_kafka_queue_destroy(admin->queue);
    rd_kafka_destroy(admin->rk);
    free(admin);
}

/* The event of a finished call; NULL: *err is set. */
static rd_kafka_event_t *wait_for_answer(struct admin_call *admin, struct err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, admin->answer_ms + SLACK_MS);
    if (event == NULL) {
        (void)fail(admin, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    (void)fail(admin, code, rd_kafka_event_error_string(event), err);
    rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_AdminOptions_t *options_for(struct admin_call *admin, rd_kafka_admin_op_t op)
{
    char text[100];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, admin->answer_ms, text, sizeof(text));
    return options;
}

/* The topic is there for the next caller, not only on the broker that made it. */
static bool wait_until_known(struct admin_call *admin, const char *topic, struct err *err)
{
    int64_t until_ms = now_monotonic_ms() + admin->answer_ms;
    while (now_monotonic_ms() < until_ms) {
        struct topic_shape shape;
        if (!admin_call_load_shape(admin, topic, &shape, err))
            return false;
        if (shape.partitions > 0)
            return true;
        free_event(rd_kafka_queue_poll(admin->queue, SETTLE_MS));
    }
    return err_set(err, ERR_RETRY, "the new topic is not known to all brokers after %d ms",
                   admin->answer_ms);
}

bool admin_call_create(struct admin_call *admin, rd_kafka_NewTopic_t *topic, struct err *err)
{
    AUTO(options)
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->rk, &topic, 1, options, admin->queue);
    AUTO(event) rd_kafka_event_t *event = wait_for_answer(admin, err);
    if (event == NULL)
        return false;
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1)
        return err_set(err, ERR_FATAL, "Kafka answered %zu results for one topic", count);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return fail(admin, code, rd_kafka_topic_result_error_string(results[0]), err);
    return wait_until_known(admin, rd_kafka_topic_result_name(results[0]), err);
}

static int fewest_replicas(const struct rd_kafka_metadata_topic *topic)
{
    int fewest = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;
    for (int i = 1; i < topic->partition_cnt; i++)
        if (topic->partitions[i].replica_cnt < fewest)
            fewest = topic->partitions[i].replica_cnt;
    return fewest;
}

/* A connection that breaks meanwhile is no answer either. */
static rd_kafka_resp_err_t ask_metadata(struct admin_call *admin, rd_kafka_topic_t *topic,
                                        const struct rd_kafka_metadata **out)
{
    int64_t until_ms = now_monotonic_ms() + admin->answer_ms;
    int left_ms = admin->answer_ms;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TRANSPORT;
    while (code == RD_KAFKA_RESP_ERR__TRANSPORT && left_ms > 0) {
        code = rd_kafka_metadata(admin->rk, 0, topic, out, left_ms);
        left_ms = (int)(until_ms - now_monotonic_ms());
    }
    return code;
}

bool admin_call_load_shape(struct admin_call *admin, const char *topic, struct topic_shape *out,
                           struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic, NULL);
    if (handle == NULL)
        return fail(admin, rd_kafka_last_error(), NULL, err);
    AUTO(metadata) const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = ask_metadata(admin, handle, &metadata);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(admin, code, NULL, err);
    if (metadata->topic_cnt != 1)
        return err_set(err, ERR_RETRY, "Kafka told nothing about topic %s", topic);
    const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *out = (struct topic_shape){0};
        return true;
    }
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return fail(admin, found->err, NULL, err);
    *out = (struct topic_shape){found->partition_cnt, fewest_replicas(found)};
    return true;
}

static const char *const KEPT[] = {"cleanup.policy",    "message.timestamp.type",
                                   "retention.ms",      "retention.bytes",
                                   "max.message.bytes", "min.insync.replicas"};

static void keep(struct topic_config *config, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof(KEPT) / sizeof(*KEPT); i++) {
        if (strcmp(KEPT[i], name) != 0 || config->count == TOPIC_CONFIG_MAX)
            continue;
        struct topic_config_entry *entry = &config->entries[config->count++];
        (void)snprintf(entry->name, sizeof(entry->name), "%s", name);
        (void)snprintf(entry->value, sizeof(entry->value), "%s", value == NULL ? "" : value);
    }
}

bool admin_call_load_config(struct admin_call *admin, const char *topic, struct topic_config *out,
                            struct err *err)
{
    AUTO(options)
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    AUTO(resource)
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, admin->queue);
    AUTO(event) rd_kafka_event_t *event = wait_for_answer(admin, err);
    if (event == NULL)
        return false;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count != 1)
        return err_set(err, ERR_FATAL, "Kafka answered %zu results for one topic", count);
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(admin, code, rd_kafka_ConfigResource_error_string(resources[0]), err);
    size_t entry_count = 0;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    *out = (struct topic_config){0};
    for (size_t i = 0; i < entry_count; i++)
        keep(out, rd_kafka_ConfigEntry_name(entries[i]), rd_kafka_ConfigEntry_value(entries[i]));
    return true;
}

const char *topic_config_get(const struct topic_config *config, const char *name)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->entries[i].name, name) == 0)
            return config->entries[i].value;
    return "";
}

int64_t topic_config_get_number(const struct topic_config *config, const char *name)
{
    int64_t number = -1;
    if (!bytes_get_int64(bytes_of_text(topic_config_get(config, name)), &number))
        return -1;
    return number;
}
