/*
 * count_records: how fast can librdkafka hand over a topic, doing nothing with it?
 *
 *   count_records BOOTSTRAP TOPIC PARTITIONS RECORDS
 *
 * Prints how many records and bytes there were.
 */
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 10000

static void fail(const char *what)
{
    (void)fprintf(stderr, "count_records: %s\n", what);
    exit(1);
}

static rd_kafka_t *open_consumer(const char *bootstrap)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof(text)) != 0 ||
        rd_kafka_conf_set(conf, "group.id", "bench-count", text, sizeof(text)) != 0 ||
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof(text)) != 0)
        fail(text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL)
        fail(text);
    (void)rd_kafka_poll_set_consumer(rk);
    return rk;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: count_records BOOTSTRAP TOPIC PARTITIONS RECORDS");
    rd_kafka_t *rk = open_consumer(argv[1]);
    int partitions = (int)strtol(argv[3], NULL, 10);
    int64_t left = strtoll(argv[4], NULL, 10);
    int64_t records = 0;
    int64_t bytes = 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, argv[2], i)->offset = 0;
    (void)rd_kafka_assign(rk, list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    static rd_kafka_message_t *messages[BATCH];
    while (left > 0) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 10000, messages, BATCH);
        if (count <= 0)
            fail("the topic holds fewer records");
        for (ssize_t i = 0; i < count; i++) {
            records += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
            bytes += (int64_t)messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
        left -= count;
    }
    (void)printf("%lld %lld\n", (long long)records, (long long)bytes);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}
