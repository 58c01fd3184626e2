#include "services/store/kafka/wake.h"

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

void wake_fetching(rd_kafka_t *rk)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    int64_t low = 0;
    int64_t high = 0;
    if (rd_kafka_assignment(rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_topic_partition_t *behind =
        rd_kafka_position(rk, assigned) == RD_KAFKA_RESP_ERR_NO_ERROR
            ? furthest_behind(rk, assigned)
            : NULL;
    if (behind != NULL)
        (void)rd_kafka_query_watermark_offsets(rk, behind->topic, behind->partition, &low, &high,
                                               ANSWER_MS);
    rd_kafka_topic_partition_list_destroy(assigned);
}
