#include "services/store/ingest_state.h"

#include "libs/base/now.h"
#include "services/store/ingest_metrics.h"

#define LAG_EVERY_MS 1000

/* While nothing is fetched the client does not know the end: ask. *can_ask turns false when the
 * broker does not answer, so that one round waits once. */
static int64_t log_end(struct ingest *ingest, int32_t id, bool *can_ask)
{
    struct log_range range;
    struct err err;
    if (ingest->phase == INGEST_RUNNING)
        return ingest->source.known_end(ingest->source.self, id);
    *can_ask = *can_ask && ingest->source.range(ingest->source.self, id, &range, &err);
    return *can_ask ? range.end_offset : -1;
}

void ingest_measure_lag(struct ingest *ingest, int64_t now_ms)
{
    int64_t sum = 0;
    bool can_ask = true;
    ingest->lag_at_ms = now_ms + LAG_EVERY_MS;
    ingest_metrics_no_lag();
    for (size_t i = 0; i < ingest->partition_count; i++) {
        const struct partition *partition = &ingest->partitions[i];
        int64_t end = log_end(ingest, partition->id, &can_ask);
        int64_t waiting =
            end > partition->fence.next_offset ? end - partition->fence.next_offset : 0;
        ingest_metrics_lag(partition->id, waiting);
        sum += waiting;
    }
    atomic_store(&ingest->lag_records, ingest->phase == INGEST_IDLE ? -1 : sum);
}

int64_t ingest_lag_ms(const struct ingest *ingest)
{
    int64_t records = atomic_load(&ingest->lag_records);
    int64_t applied_at_ms = atomic_load(&ingest->applied_at_ms);
    if (records <= 0)
        return records;
    int64_t age_ms = applied_at_ms > 0 ? now_unix_ms() - applied_at_ms : -1;
    return age_ms > 0 ? age_ms : 0;
}
