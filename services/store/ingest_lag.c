#include "services/store/ingest_state.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/ingest_metrics.h"

#include <stdlib.h>

#define LAG_EVERY_MS 1000
#define LAG_EVERY_RECOVERING_MS 5000

/* While nothing is fetched the client does not know the ends: ask. */
static void ask_ends(struct ingest *ingest, int64_t *out)
{
    size_t count = ingest->partition_count;
    int32_t *ids = mem_array(count, sizeof(*ids));
    struct log_range *ranges = mem_array(count, sizeof(*ranges));
    struct err err;
    for (size_t i = 0; i < count; i++)
        ids[i] = ingest->partitions[i].id;
    bool is_told = ingest->source.ranges(ingest->source.self, ids, count, ranges, &err);
    for (size_t i = 0; i < count; i++)
        out[i] = is_told ? ranges[i].end_offset : -1;
    free(ids);
    free(ranges);
}

static int64_t waiting_records(const struct partition *partition, int64_t end_offset)
{
    int64_t waiting = end_offset - partition->fence.next_offset;
    return waiting > 0 ? waiting : 0;
}

static const char *const STATES[] = {
    [PARTITION_WAITING] = "waiting", [PARTITION_CHECKING] = "checking",
    [PARTITION_RUNNING] = "running", [PARTITION_HELD] = "held",
    [PARTITION_STOPPED] = "stopped",
};

static void write_board(struct ingest *ingest, const int64_t *ends)
{
    size_t count = ingest->partition_count;
    struct board_sight *sights = mem_array(count, sizeof(*sights));
    for (size_t i = 0; i < count; i++) {
        const struct partition *partition = &ingest->partitions[i];
        sights[i] = (struct board_sight){.partition = partition->id,
                                         .state = STATES[partition->state],
                                         .reason = partition->reason,
                                         .applied = partition->fence.next_offset,
                                         .end = ends[i]};
    }
    ingest_board_write(&ingest->board, sights, count, now_unix_ms());
    free(sights);
}

void ingest_view(struct ingest *ingest, struct board_view *out)
{
    ingest_board_read(&ingest->board, out);
}

void ingest_measure_lag(struct ingest *ingest, int64_t now_ms)
{
    int64_t sum = 0;
    size_t count = ingest->partition_count;
    int64_t *ends = mem_array(count, sizeof(*ends));
    struct partition_lag *lags = mem_array(count, sizeof(*lags));
    if (ingest->phase == INGEST_RECOVERING)
        ask_ends(ingest, ends);
    for (size_t i = 0; i < count; i++) {
        const struct partition *partition = &ingest->partitions[i];
        if (ingest->phase == INGEST_RUNNING)
            ends[i] = ingest->source.known_end(ingest->source.self, partition->id);
        lags[i] = (struct partition_lag){partition->id, waiting_records(partition, ends[i])};
        sum += lags[i].records;
    }
    ingest_metrics_lags(lags, count);
    free(lags);
    write_board(ingest, ends);
    free(ends);
    atomic_store(&ingest->lag_records, ingest->phase == INGEST_IDLE ? -1 : sum);
    ingest->lag_at_ms =
        now_ms + (ingest->phase == INGEST_RECOVERING ? LAG_EVERY_RECOVERING_MS : LAG_EVERY_MS);
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
