#include "services/store/ingest_state.h"

#include "libs/base/fault.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MAX 8 /* the log's edges hold the position each time, and yet no record comes */

static void drop_hand(struct ingest *ingest)
{
    hand_drop(&ingest->hand);
    id_window_reset(ingest->ids);
    for (size_t i = 0; i < ingest->partition_count; i++)
        letter_rate_drop(&ingest->partitions[i].letters);
}

void ingest_recover_in(struct ingest *ingest, int64_t delay_ms)
{
    struct source_start nothing = {0};
    struct err err;
    drop_hand(ingest);
    if (ingest->is_open)
        ingest->store.close(ingest->store.self);
    ingest->is_open = false;
    if (!ingest->source.start(ingest->source.self, &nothing, &err))
        log_warn("fetching does not pause", LOG_TEXT("error", err.text));
    ingest->phase = ingest->partition_count == 0 ? INGEST_IDLE : INGEST_RECOVERING;
    ingest->retry_at_ms = now_monotonic_ms() + delay_ms;
    for (size_t i = 0; i < ingest->partition_count; i++)
        if (ingest->partitions[i].state != PARTITION_STOPPED)
            ingest->partitions[i].state = PARTITION_WAITING;
}

void ingest_recover_later(struct ingest *ingest, const char *what, const struct err *err)
{
    int64_t wait_ms = backoff_next(&ingest->backoff, random_u32());
    /* Each cause once: a connection that broke does not say why the next one is refused. */
    if (strcmp(ingest->logged_trouble, err->text) != 0)
        log_warn(what, LOG_TEXT("error", err->text), LOG_INT("retry_in_ms", wait_ms));
    (void)snprintf(ingest->logged_trouble, sizeof(ingest->logged_trouble), "%s", err->text);
    atomic_store(&ingest->is_running, false);
    ingest_recover_in(ingest, wait_ms);
}

void ingest_lose_position(struct ingest *ingest, int32_t id)
{
    struct partition *partition = ingest_partition(ingest, id);
    if (partition == NULL || ingest->phase != INGEST_RUNNING)
        return;
    ingest_flush(ingest);
    if (ingest->phase != INGEST_RUNNING || partition->state == PARTITION_STOPPED)
        return;
    bool is_again = partition->lost_offset == partition->next_offset;
    partition->lost_count = is_again ? partition->lost_count + 1 : 1;
    partition->lost_offset = partition->next_offset;
    if (partition->lost_count >= LOST_MAX) {
        ingest_stop_partition(ingest, partition, STOP_UNREADABLE);
        ingest_recover_in(ingest, 0);
        return;
    }
    struct err err;
    (void)err_set(&err, ERR_RETRY, "partition %d has no record at its position", (int)id);
    ingest_recover_later(ingest, "position lost, looking at the log again", &err);
}

/* ---- beginning at the fences ---- */

struct beginning {
    int32_t *partitions;
    int64_t *offsets;
    struct fence *fences;
    struct log_range *ranges;
    size_t count;
};

static void beginning_init(struct beginning *beginning, const struct ingest *ingest)
{
    size_t count = ingest->partition_count;
    *beginning = (struct beginning){.partitions = mem_array(count, sizeof(int32_t)),
                                    .offsets = mem_array(count, sizeof(int64_t)),
                                    .fences = mem_array(count, sizeof(struct fence)),
                                    .ranges = mem_array(count, sizeof(struct log_range))};
    for (size_t i = 0; i < count; i++)
        if (ingest->partitions[i].state != PARTITION_STOPPED)
            beginning->partitions[beginning->count++] = ingest->partitions[i].id;
}

static void beginning_done(struct beginning *beginning)
{
    free(beginning->partitions);
    free(beginning->offsets);
    free(beginning->fences);
    free(beginning->ranges);
}

static bool load_fences(struct ingest *ingest, struct beginning *beginning, struct err *err)
{
    struct fence_query query = {.partitions = beginning->partitions,
                                .count = beginning->count,
                                .cluster_id = ingest->cluster_id,
                                .tombstones = &ingest->tombstones};
    return ingest->store.open(ingest->store.self, err) &&
           (beginning->count == 0 ||
            ingest->store.load_fences(ingest->store.self, &query, beginning->fences, err));
}

/* Where the partition starts, or that it stops. */
static int64_t plan_partition(struct ingest *ingest, const struct fence *fence,
                              const struct log_range *range)
{
    struct partition *partition = ingest_partition(ingest, fence->partition);
    int64_t trusted = partition->next_offset;
    partition->fence = *fence;
    partition->next_offset = fence->next_offset;
    struct position_plan plan = position_plan(fence, range, ingest->cluster_id);
    if (ingest->is_recounted)
        plan.stop = STOP_PARTITION_COUNT;
    if (plan.stop != STOP_NONE) {
        ingest_stop_partition(ingest, partition, plan.stop);
        return 0;
    }
    partition->state = plan.is_checked ? PARTITION_RUNNING : PARTITION_CHECKING;
    if (fence->next_offset >= fence->limit_offset)
        partition->state = PARTITION_HELD;
    if (fault_planted("store.ignore_gap"))
        partition->next_offset = plan.start_offset;
    if (fault_planted("store.stale_position") && trusted > fence->next_offset) {
        partition->state = PARTITION_RUNNING;
        partition->next_offset = trusted;
        return trusted;
    }
    return plan.start_offset;
}

static bool is_fetched(struct ingest *ingest, int32_t id)
{
    enum partition_state state = ingest_partition(ingest, id)->state;
    return state != PARTITION_STOPPED && state != PARTITION_HELD;
}

/* In a bulk the partition with most before it; when none has more than a batch, all. */
static void choose_visited(struct ingest *ingest, const struct beginning *beginning)
{
    int64_t most = (int64_t)ingest->options.batch_max_events;
    ingest->visited = -1;
    ingest->is_bulk = ingest->store.is_bulk(ingest->store.self);
    for (size_t i = 0; ingest->is_bulk && i < beginning->count; i++) {
        int64_t end = beginning->ranges[i].end_offset;
        int64_t left = end - beginning->fences[i].next_offset;
        if (left <= most || !is_fetched(ingest, beginning->partitions[i]))
            continue;
        most = left;
        ingest->visited = beginning->partitions[i];
        ingest->visit_ends_at = end;
    }
}

static bool start_fetching(struct ingest *ingest, struct beginning *beginning, struct err *err)
{
    struct source_start start = {.partitions = beginning->partitions,
                                 .offsets = beginning->offsets};
    choose_visited(ingest, beginning);
    for (size_t i = 0; i < beginning->count; i++) {
        int32_t id = beginning->partitions[i];
        if (!is_fetched(ingest, id) || (ingest->visited >= 0 && id != ingest->visited))
            continue;
        beginning->partitions[start.count] = beginning->partitions[i];
        beginning->offsets[start.count] = beginning->offsets[i];
        start.count++;
    }
    return ingest->source.start(ingest->source.self, &start, err);
}

static bool is_any_held(const struct ingest *ingest)
{
    for (size_t i = 0; i < ingest->partition_count; i++)
        if (ingest->partitions[i].state == PARTITION_HELD)
            return true;
    return false;
}

/* When the fences are read again although nothing went wrong. */
static int64_t next_check_ms(struct ingest *ingest)
{
    if (ingest->visited < 0 && is_any_held(ingest))
        return backoff_next(&ingest->held, random_u32());
    backoff_reset(&ingest->held);
    return ingest->options.position_check_ms;
}

/* Is it the topic it was? The start's answer may be days old. */
static bool identify_log(struct ingest *ingest, struct err *err)
{
    struct log_identity log = {0};
    if (!ingest->source.identify(ingest->source.self, &log, err))
        return false;
    if (log.cluster_id[0] != '\0')
        memcpy(ingest->cluster_id, log.cluster_id, sizeof(ingest->cluster_id));
    ingest->is_recounted = ingest->rules.topic_partitions > 0 &&
                           log.topic_partitions != ingest->rules.topic_partitions;
    return true;
}

static bool begin(struct ingest *ingest, struct beginning *beginning, struct err *err)
{
    bool is_well = load_fences(ingest, beginning, err);
    atomic_store(&ingest->is_database_well, is_well);
    if (!is_well)
        return false;
    if (!identify_log(ingest, err) ||
        !ingest->source.ranges(ingest->source.self, beginning->partitions, beginning->count,
                               beginning->ranges, err))
        return false;
    for (size_t i = 0; i < beginning->count; i++)
        beginning->offsets[i] =
            plan_partition(ingest, &beginning->fences[i], &beginning->ranges[i]);
    return start_fetching(ingest, beginning, err);
}

bool ingest_try_begin(struct ingest *ingest, struct err *err)
{
    struct beginning beginning;
    struct err trouble;
    beginning_init(&beginning, ingest);
    bool has_begun = begin(ingest, &beginning, &trouble);
    beginning_done(&beginning);
    if (!has_begun && trouble.kind == ERR_FATAL) {
        *err = trouble;
        return false;
    }
    if (!has_begun) {
        ingest_recover_later(ingest, "cannot go on yet, trying again", &trouble);
        return true;
    }
    if (ingest->logged_trouble[0] != '\0')
        log_info("going on at the stored positions");
    ingest->logged_trouble[0] = '\0';
    ingest->phase = INGEST_RUNNING;
    ingest->check_at_ms = now_monotonic_ms() + next_check_ms(ingest);
    atomic_store(&ingest->is_running, true);
    return true;
}
