#include "services/store/kafka/exports.h"

#include "libs/base/now.h"

#define SEND_MS 1000
#define ROOM 16

void exports_init(struct exports *exports)
{
    *exports = (struct exports){.positions = rd_kafka_topic_partition_list_new(ROOM)};
}

void exports_done(struct exports *exports)
{
    rd_kafka_topic_partition_list_destroy(exports->positions);
}

/* A failure is nobody's loss. */
void exports_send(struct exports *exports, rd_kafka_t *rk)
{
    if (exports->positions->cnt == 0)
        return;
    (void)rd_kafka_commit(rk, exports->positions, 1);
    exports_done(exports);
    exports_init(exports);
    exports->sent_ms = now_monotonic_ms();
}

void exports_put(struct exports *exports, rd_kafka_t *rk,
                 const rd_kafka_topic_partition_t *position)
{
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_find(
        exports->positions, position->topic, position->partition);
    if (entry == NULL)
        entry = rd_kafka_topic_partition_list_add(exports->positions, position->topic,
                                                  position->partition);
    entry->offset = position->offset;
    if (now_monotonic_ms() - exports->sent_ms >= SEND_MS)
        exports_send(exports, rk);
}
