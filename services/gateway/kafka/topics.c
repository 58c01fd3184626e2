#include "services/gateway/kafka/topics.h"

#include "libs/base/cleanup.h"
#include "libs/wire/position.h"
#include "services/gateway/kafka/admin_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPICS 2             /* of enum sink_topic */
#define CHECK_ANSWER_MS 5000 /* the watch asks again */
#define SAFE_REPLICAS 3
#define SAFE_IN_SYNC 2

static void free_topic(rd_kafka_NewTopic_t *topic)
{
    if (topic != NULL)
        rd_kafka_NewTopic_destroy(topic);
}

DEFINE_AUTO(admin, struct admin_call *, admin_call_free)
DEFINE_AUTO(topic, rd_kafka_NewTopic_t *, free_topic)

void topic_name(const char *prefix, enum sink_topic topic, char out[TOPIC_NAME_MAX])
{
    const char *kind = topic == SINK_EVENTS ? "events" : "raw";
    (void)snprintf(out, TOPIC_NAME_MAX, "%s.%s.v1", prefix, kind);
}

void topic_lease_name(const char *prefix, char out[TOPIC_NAME_MAX])
{
    (void)snprintf(out, TOPIC_NAME_MAX, "%s.lease.v1", prefix);
}

static void set_config(rd_kafka_NewTopic_t *topic, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    (void)rd_kafka_NewTopic_set_config(topic, name,
                                       text); /* only fails on a name it does not like */
}

static void configure(rd_kafka_NewTopic_t *new_topic, enum sink_topic topic,
                      const struct topics_plan *plan)
{
    int replicas = plan->replication_factor;
    (void)rd_kafka_NewTopic_set_config(new_topic, "cleanup.policy", "delete");
    (void)rd_kafka_NewTopic_set_config(new_topic, "message.timestamp.type", "LogAppendTime");
    (void)rd_kafka_NewTopic_set_config(new_topic, "unclean.leader.election.enable", "false");
    set_config(new_topic, "retention.ms", topic == SINK_EVENTS ? -1 : plan->raw_retention_ms);
    set_config(new_topic, "retention.bytes", -1);
    set_config(new_topic, "max.message.bytes", KAFKA_MESSAGE_MAX);
    set_config(new_topic, "min.insync.replicas", replicas > 1 ? replicas - 1 : 1);
}

static bool create_one(struct admin_call *admin, const struct kafka_options *options,
                       enum sink_topic topic, const struct topics_plan *plan, struct err *err)
{
    char name[TOPIC_NAME_MAX];
    char text[200];
    topic_name(options->topic_prefix, topic, name);
    AUTO(topic)
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(
        name, options->partitions, plan->replication_factor, text, sizeof(text));
    if (new_topic == NULL)
        return err_set(err, ERR_FATAL, "topic %s: %s", name, text);
    configure(new_topic, topic, plan);
    return admin_call_create(admin, new_topic, err) || err_prefix(err, "create topic %s", name);
}

static bool create_lease(struct admin_call *admin, const struct kafka_options *options,
                         const struct topics_plan *plan, int *created, struct err *err)
{
    char name[TOPIC_NAME_MAX];
    char text[200];
    struct topic_shape shape;
    topic_lease_name(options->topic_prefix, name);
    if (!admin_call_load_shape(admin, name, &shape, err))
        return false;
    if (shape.partitions > 0)
        return true;
    AUTO(topic)
    rd_kafka_NewTopic_t *new_topic =
        rd_kafka_NewTopic_new(name, 1, plan->replication_factor, text, sizeof(text));
    if (new_topic == NULL)
        return err_set(err, ERR_FATAL, "topic %s: %s", name, text);
    if (!admin_call_create(admin, new_topic, err))
        return err_prefix(err, "create topic %s", name);
    ++*created;
    return true;
}

bool topics_create(const struct kafka_options *options, const struct topics_plan *plan,
                   int *out_created, struct err *err)
{
    AUTO(admin) struct admin_call *admin = NULL;
    if (!admin_call_open(options, plan->answer_ms, &admin, err))
        return false;
    int created = 0;
    for (int topic = 0; topic < TOPICS; topic++) {
        char name[TOPIC_NAME_MAX];
        struct topic_shape shape;
        topic_name(options->topic_prefix, (enum sink_topic)topic, name);
        if (!admin_call_load_shape(admin, name, &shape, err))
            return false;
        if (shape.partitions > 0)
            continue;
        if (!create_one(admin, options, (enum sink_topic)topic, plan, err))
            return false;
        created++;
    }
    if (!create_lease(admin, options, plan, &created, err))
        return false;
    *out_created = created;
    return true;
}

static void PRINTF_LIKE(2, 3) add_line(char *lines, const char *fmt, ...)
{
    size_t len = strlen(lines);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(lines + len, TOPICS_REPORT_MAX - len, fmt, args);
    va_end(args);
}

struct wanted {
    const char *name;
    const char *value;
    const char *because;
};

static const struct wanted EVENTS_WANTED[] = {
    {"cleanup.policy", "delete", "compaction would lose events"},
    {"message.timestamp.type", "LogAppendTime", "a publisher's clock must not be trusted"},
    {"retention.ms", "-1", "the log is the truth and is replayed from its start"},
    {"retention.bytes", "-1", "the log is the truth and is replayed from its start"},
};

static void check_wanted(const char *topic, const struct topic_config *config, char *report)
{
    for (size_t i = 0; i < sizeof(EVENTS_WANTED) / sizeof(*EVENTS_WANTED); i++) {
        const struct wanted *wanted = &EVENTS_WANTED[i];
        const char *value = topic_config_get(config, wanted->name);
        if (strcmp(value, wanted->value) != 0)
            add_line(report, "topic %s: %s is %s and must be %s (%s); set it with kafka-configs\n",
                     topic, wanted->name, value, wanted->value, wanted->because);
    }
}

static void check_safety(const char *topic, const struct topic_shape *shape,
                         const struct topic_config *config, char *advice)
{
    int64_t in_sync = topic_config_get_number(config, "min.insync.replicas");
    if (shape->replicas < SAFE_REPLICAS)
        add_line(advice,
                 "topic %s: %d replicas; with fewer than 3 a lost broker may lose what was "
                 "acknowledged\n",
                 topic, shape->replicas);
    if (in_sync < SAFE_IN_SYNC)
        add_line(advice,
                 "topic %s: min.insync.replicas is %" PRId64
                 "; below 2 one broker alone may acknowledge\n",
                 topic, in_sync);
}

static void check_partitions(const char *topic, int has, int wanted, char *report)
{
    if (has > POSITION_PARTITIONS_MAX)
        add_line(report,
                 "topic %s: has %d partitions and at most %d can be used; name other topics with "
                 "GATEWAY_TOPIC_PREFIX\n",
                 topic, has, POSITION_PARTITIONS_MAX);
    else if (has != wanted)
        add_line(report,
                 "topic %s: has %d partitions and GATEWAY_TOPIC_PARTITIONS says %d; another count "
                 "moves chats between partitions, so set GATEWAY_TOPIC_PARTITIONS=%d\n",
                 topic, has, wanted, has);
}

static bool check_one(struct admin_call *admin, const struct kafka_options *options,
                      enum sink_topic topic, struct topics_findings *out, struct err *err)
{
    char name[TOPIC_NAME_MAX];
    struct topic_shape shape;
    struct topic_config config;
    topic_name(options->topic_prefix, topic, name);
    if (!admin_call_load_shape(admin, name, &shape, err))
        return false;
    if (shape.partitions == 0) {
        add_line(out->report, "topic %s: is missing; run `telefact-gateway topics create`\n", name);
        return true;
    }
    check_partitions(name, shape.partitions, options->partitions, out->report);
    if (!admin_call_load_config(admin, name, &config, err))
        return false;
    if (topic_config_get_number(&config, "max.message.bytes") < KAFKA_MESSAGE_MAX)
        add_line(out->report, "topic %s: max.message.bytes is %s and must be at least %d\n", name,
                 topic_config_get(&config, "max.message.bytes"), KAFKA_MESSAGE_MAX);
    if (topic == SINK_EVENTS)
        check_wanted(name, &config, out->report);
    check_safety(name, &shape, &config, out->advice);
    return true;
}

static bool check_lease(struct admin_call *admin, const struct kafka_options *options,
                        struct topics_findings *out, struct err *err)
{
    char name[TOPIC_NAME_MAX];
    struct topic_shape shape;
    topic_lease_name(options->topic_prefix, name);
    if (!admin_call_load_shape(admin, name, &shape, err))
        return false;
    if (shape.partitions == 0)
        add_line(out->report, "topic %s: is missing; run `telefact-gateway topics create`\n", name);
    else if (shape.partitions != 1)
        add_line(out->report,
                 "topic %s: has %d partitions and must have 1; delete it and run "
                 "`telefact-gateway topics create`\n",
                 name, shape.partitions);
    return true;
}

bool topics_check(const struct kafka_options *options, struct topics_findings *out, struct err *err)
{
    AUTO(admin) struct admin_call *admin = NULL;
    *out = (struct topics_findings){0};
    if (!admin_call_open(options, CHECK_ANSWER_MS, &admin, err))
        return false;
    for (int topic = 0; topic < TOPICS; topic++)
        if (!check_one(admin, options, (enum sink_topic)topic, out, err))
            return false;
    if (options->has_lease && !check_lease(admin, options, out, err))
        return false;
    return out->report[0] == '\0' || err_set(err, ERR_REJECT, "the topics are not as they must be");
}
