#include "services/gateway/kafka/poll_lease.h"

#include "libs/base/cleanup.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/kafka/conf.h"
#include "libs/kafka/refusal.h"
#include "services/gateway/kafka/conf.h"
#include "services/gateway/kafka/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct poll_lease {
    struct poll_lease_host host;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int event_fd; /* librdkafka writes to it when the queue is no longer empty */
    struct loop_watch *watch;
    bool is_leader;
};

static const struct kafka_property MEMBERSHIP[] = {
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "2000"},
    {"enable.auto.commit", "false"},
    {"auto.offset.reset", "latest"}, /* nothing is read: the partition is paused */
    {"partition.assignment.strategy", "range"},
};

static void set_leader(struct poll_lease *lease, bool is_leader)
{
    if (lease->is_leader == is_leader)
        return;
    lease->is_leader = is_leader;
    log_info(is_leader ? "this process asks Telegram for updates now"
                       : "another process asks Telegram for updates");
    lease->host.changed(lease->host.self, is_leader);
}

static void on_rebalance(struct poll_lease *lease, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_event_topic_partition_list(event);
    bool is_assigned = rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (!is_assigned)
        set_leader(lease, false); /* before another one may have it */
    (void)rd_kafka_assign(lease->rk, is_assigned ? partitions : NULL);
    if (is_assigned && partitions->cnt > 0) {
        (void)rd_kafka_pause_partitions(lease->rk, partitions);
        set_leader(lease, true);
    }
}

static void on_error(rd_kafka_event_t *event)
{
    const char *text = rd_kafka_event_error_string(event);
    if (!kafka_refusal_tell(rd_kafka_event_error(event), text))
        log_debug("Kafka error of the poll lease", LOG_TEXT("text", text));
}

static void on_event(struct poll_lease *lease, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        on_rebalance(lease, event);
    else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        on_error(event);
}

static void on_readable(void *self, bool readable, bool writable)
{
    struct poll_lease *lease = self;
    (void)readable;
    (void)writable;
    uint64_t ignored = 0;
    if (read(lease->event_fd, &ignored, sizeof(ignored)) < 0)
        ignored = 0; /* somebody read it before: the queue is looked at all the same */
    rd_kafka_event_t *event = NULL;
    while ((event = rd_kafka_queue_poll(lease->queue, 0)) != NULL) {
        on_event(lease, event);
        rd_kafka_event_destroy(event);
    }
}

static bool make_conf(const struct kafka_options *options, rd_kafka_conf_t **out, struct err *err)
{
    char group[TOPIC_NAME_MAX];
    AUTO(kafka_conf) rd_kafka_conf_t *conf = NULL;
    (void)snprintf(group, sizeof(group), "%s.poller", options->topic_prefix);
    if (!kafka_conf_admin(options, &conf, err) || !kafka_conf_set(conf, "group.id", group, err) ||
        !kafka_conf_set_all(conf, MEMBERSHIP, sizeof(MEMBERSHIP) / sizeof(*MEMBERSHIP), err))
        return false;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR);
    *out = conf;
    conf = NULL;
    return true;
}

static bool open_queue(struct poll_lease *lease, struct err *err)
{
    static const uint64_t one = 1; /* what an eventfd takes */
    (void)rd_kafka_poll_set_consumer(lease->rk);
    lease->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (lease->event_fd < 0)
        return err_set(err, ERR_FATAL, "no descriptor for Kafka's events");
    lease->queue = rd_kafka_queue_get_consumer(lease->rk);
    lease->watch = loop_watch_new(lease->host.loop, lease->event_fd, on_readable, lease);
    loop_watch_want(lease->watch, true, false);
    rd_kafka_queue_io_event_enable(lease->queue, lease->event_fd, &one, sizeof(one));
    /* librdkafka writes when the queue stops being empty, and it may hold an event already. */
    if (write(lease->event_fd, &one, sizeof(one)) < 0)
        return err_set(err, ERR_FATAL, "cannot wake for Kafka's events");
    return true;
}

static bool subscribe(struct poll_lease *lease, struct err *err)
{
    char name[TOPIC_NAME_MAX];
    topic_lease_name(lease->host.options->topic_prefix, name);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(lease->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           err_set(err, ERR_FATAL, "subscribe to %s: %s", name, rd_kafka_err2str(code));
}

static void disconnect(struct poll_lease *lease)
{
    if (lease->queue != NULL) {
        rd_kafka_queue_io_event_enable(lease->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(lease->queue);
    }
    loop_watch_free(lease->watch);
    if (lease->event_fd >= 0)
        (void)close(lease->event_fd);
}

bool poll_lease_open(const struct poll_lease_host *host, struct poll_lease **out, struct err *err)
{
    rd_kafka_conf_t *conf = NULL;
    if (!make_conf(host->options, &conf, err))
        return false;
    char text[200];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "librdkafka: %s", text);
    }
    struct poll_lease *lease = mem_alloc(sizeof(*lease));
    *lease = (struct poll_lease){.host = *host, .rk = rk, .event_fd = -1};
    if (!open_queue(lease, err) || !subscribe(lease, err)) {
        disconnect(lease);
        rd_kafka_destroy(rk);
        free(lease);
        return false;
    }
    *out = lease;
    return true;
}

/* Leaves the group, which waits for the brokers' answer. */
static void close_consumer(void *arg)
{
    struct poll_lease *lease = arg;
    (void)rd_kafka_consumer_close(lease->rk);
    rd_kafka_destroy(lease->rk);
}

static void free_struct(void *arg)
{
    free(arg);
}

void poll_lease_close(struct poll_lease *lease)
{
    if (lease == NULL)
        return;
    disconnect(lease);
    background_run(lease->host.background, close_consumer, free_struct, lease);
}
