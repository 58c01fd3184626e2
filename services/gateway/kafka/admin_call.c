#include "services/gateway/kafka/admin_call.h"

#include "libs/base/bytes.h"
#include "libs/base/cleanup.h"
#include "libs/base/mem.h"
#include "services/gateway/kafka/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000
#define SETTLE_TRIES 50 /* a new topic is known to all brokers a moment after its creation */

struct admin_call {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
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

static bool fail(struct err *err, rd_kafka_resp_err_t code, const char *text)
{
    return err_set(err, blame(code), "%s", text == NULL ? rd_kafka_err2str(code) : text);
}

bool admin_call_open(const struct kafka_options *options, struct admin_call **out, struct err *err)
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
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, 2 * ANSWER_MS);
    if (event == NULL) {
        err_set(err, ERR_RETRY, "no answer from Kafka");
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    fail(err, code, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_AdminOptions_t *options_for(struct admin_call *admin, rd_kafka_admin_op_t op)
{
    char text[100];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, text, sizeof(text));
    return options;
}

/* The topic is there for the next caller, not only on the broker that made it. */
static bool wait_until_known(struct admin_call *admin, const char *topic, struct err *err)
{
    for (int i = 0; i < SETTLE_TRIES; i++) {
        struct topic_shape shape;
        if (!admin_call_load_shape(admin, topic, &shape, err))
            return false;
        if (shape.partitions > 0)
            return true;
        rd_kafka_event_t *nothing = rd_kafka_queue_poll(admin->queue, 100);
        free_event(nothing);
    }
    return err_set(err, ERR_RETRY, "the new topic does not become known");
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
        return fail(err, code, rd_kafka_topic_result_error_string(results[0]));
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

bool admin_call_load_shape(struct admin_call *admin, const char *topic, struct topic_shape *out,
                           struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic, NULL);
    if (handle == NULL)
        return fail(err, rd_kafka_last_error(), NULL);
    AUTO(metadata) const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->rk, 0, handle, &metadata, ANSWER_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(err, code, NULL);
    if (metadata->topic_cnt != 1)
        return err_set(err, ERR_RETRY, "Kafka told nothing about topic %s", topic);
    const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *out = (struct topic_shape){0};
        return true;
    }
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return fail(err, found->err, NULL);
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
        return fail(err, code, rd_kafka_ConfigResource_error_string(resources[0]));
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
