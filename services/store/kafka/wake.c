#include "services/store/kafka/wake.h"

#include "libs/base/log.h"
#include "services/store/kafka/topic_check.h"

#include <stddef.h>

#define ANSWER_MS 50

static int64_t known_left(rd_kafka_t *rk, const rd_kafka_topic_partition_t *partition)
{
    int64_t low = 0;
    int64_t high = 0;
    if (partition->offset < 0 ||
        rd_kafka_get_watermark_offsets(rk, partition->topic, partition->partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return high - partition->offset;
}

static const rd_kafka_topic_partition_t *
furthest_behind(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *assigned)
{
    const rd_kafka_topic_partition_t *furthest = NULL;
    int64_t most = 0;
    for (int i = 0; i < assigned->cnt; i++) {
        int64_t left = known_left(rk, &assigned->elems[i]);
        if (left <= most)
            continue;
        most = left;
        furthest = &assigned->elems[i];
    }
    return furthest;
}

static void ask(rd_kafka_t *rk, const rd_kafka_topic_partition_t *partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    struct err err;
    (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->partition);
    if (!topic_edges(rk, list, EDGE_END, ANSWER_MS, &err))
        log_debug("no answer at once",
                  LOG_TEXT("error", err.text)); /* it sleeps, at most a second */
    rd_kafka_topic_partition_list_destroy(list);
}

void wake_fetching(rd_kafka_t *rk)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (rd_kafka_assignment(rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_topic_partition_t *behind =
        rd_kafka_position(rk, assigned) == RD_KAFKA_RESP_ERR_NO_ERROR
            ? furthest_behind(rk, assigned)
            : NULL;
    if (behind != NULL)
        ask(rk, behind);
    rd_kafka_topic_partition_list_destroy(assigned);
}
