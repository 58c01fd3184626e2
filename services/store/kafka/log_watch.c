#include "services/store/kafka/log_watch.h"

#include "libs/base/cleanup.h"
#include "libs/base/mem.h"
#include "services/store/kafka/conf.h"
#include "services/store/kafka/leave.h"
#include "services/store/kafka/topic_check.h"

#include <assert.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000

DEFINE_AUTO(list, rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)

static_assert(REPLAY_CLUSTER_MAX == CLUSTER_ID_MAX, "an id of the cluster fits");

struct kafka_log_watch {
    struct consumer_options options;
    rd_kafka_t *rk; /* NULL: none now */
};

static bool open_client(struct kafka_log_watch *watch, struct err *err)
{
    char text[200];
    rd_kafka_conf_t *conf = NULL;
    if (watch->rk != NULL)
        return true;
    if (!consumer_conf(&watch->options, &conf, err))
        return false;
    watch->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (watch->rk != NULL)
        return true;
    rd_kafka_conf_destroy(conf);
    return err_set(err, ERR_FATAL, "make a client: %s", text);
}

static void close_client(struct kafka_log_watch *watch)
{
    if (watch->rk != NULL)
        leave_and_destroy(watch->rk, false);
    watch->rk = NULL;
}

static rd_kafka_topic_partition_list_t *all_partitions(const struct kafka_log_watch *watch,
                                                       int32_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t partition = 0; partition < count; partition++)
        (void)rd_kafka_topic_partition_list_add(list, watch->options.topic, partition);
    return list;
}

static struct position position_of(const rd_kafka_topic_partition_list_t *list)
{
    struct position position = {0};
    for (int i = 0; i < list->cnt; i++)
        position_raise(&position, list->elems[i].partition, list->elems[i].offset);
    return position;
}

static bool ask_edges(struct kafka_log_watch *watch, int32_t partitions, struct log_state *out,
                      struct err *err)
{
    AUTO(list) rd_kafka_topic_partition_list_t *begin = all_partitions(watch, partitions);
    AUTO(list) rd_kafka_topic_partition_list_t *end = all_partitions(watch, partitions);
    if (!topic_edges(watch->rk, begin, EDGE_FIRST, TIMEOUT_MS, err) ||
        !topic_edges(watch->rk, end, EDGE_END, TIMEOUT_MS, err))
        return false;
    out->begin = position_of(begin);
    out->end = position_of(end);
    return true;
}

/* Topics that are no longer what they must be are the ordinary store's alarm. */
static bool ask(struct kafka_log_watch *watch, struct log_state *out, struct err *err)
{
    struct log_identity log = {0};
    if (!open_client(watch, err) ||
        !topic_identify(watch->rk, watch->options.topic, TIMEOUT_MS, &log, err) ||
        !ask_edges(watch, log.topic_partitions, out, err))
        return false;
    memcpy(out->cluster_id, log.cluster_id, sizeof(out->cluster_id));
    return true;
}

static bool read(void *self, struct log_state *out, struct err *err)
{
    struct kafka_log_watch *watch = self;
    *out = (struct log_state){0};
    if (ask(watch, out, err))
        return true;
    close_client(watch);
    return false;
}

/* Where nothing is that late, the answer is the end. */
static bool ask_time(struct kafka_log_watch *watch, int64_t unix_ms, const struct log_state *state,
                     struct position *out, struct err *err)
{
    AUTO(list)
    rd_kafka_topic_partition_list_t *list = all_partitions(watch, (int32_t)state->end.count);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = unix_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(watch->rk, list, TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(err, ERR_RETRY, "ask for a moment in the log: %s", rd_kafka_err2str(code));
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            list->elems[i].offset = state->end.entries[i].next_offset;
    *out = position_of(list);
    return true;
}

static bool at_time(void *self, int64_t unix_ms, struct position *out, struct err *err)
{
    struct kafka_log_watch *watch = self;
    struct log_state state = {0};
    if (!read(self, &state, err))
        return false;
    bool is_known = ask_time(watch, unix_ms, &state, out, err);
    log_state_done(&state);
    return is_known;
}

struct kafka_log_watch *kafka_log_watch_new(const struct consumer_options *options)
{
    struct kafka_log_watch *watch = mem_alloc(sizeof(*watch));
    watch->options = *options;
    return watch;
}

struct log_watch kafka_log_watch_port(struct kafka_log_watch *watch)
{
    return (struct log_watch){.read = read, .at_time = at_time, .self = watch};
}

void kafka_log_watch_free(struct kafka_log_watch *watch)
{
    if (watch == NULL)
        return;
    close_client(watch);
    free(watch);
}
