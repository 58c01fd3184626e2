#include "services/store/ingest.h"

#include "libs/base/fault.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/trace.h"
#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"
#include "services/store/ingest_state.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_WINDOW_SPAN 32768
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000
#define HELD_FIRST_MS 10 /* a limit may be lifted at once, or stay for hours */
#define HELD_MAX_MS 1000
#define TROUBLE_CHECK_MS 1000 /* brokers in trouble say so often */
#define POLL_MS 100
#define BEHIND_LINGER_MS 50
#define STOP_POLL_MS 20
#define LETTERS_EVERY_MS 15000
#define GENERATIONS_EVERY_MS 5000

struct ingest *ingest_new(const struct ingest_options *options, const struct record_source *source,
                          const struct projection_store *store)
{
    struct ingest *ingest = mem_alloc(sizeof(*ingest));
    ingest->options = *options;
    ingest->source = *source;
    ingest->store = *store;
    ingest->rules.bot_id = options->bot_id;
    ingest->backoff = (struct backoff){.first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS};
    ingest->held = (struct backoff){.first_ms = HELD_FIRST_MS, .max_ms = HELD_MAX_MS};
    ingest->ids = id_window_new(ID_WINDOW_SPAN);
    ingest->fold = fold_new();
    hand_init(&ingest->hand, options->batch_max_events, options->batch_max_bytes);
    ingest->visited = -1;
    atomic_store(&ingest->lag_records, -1);
    ingest_board_init(&ingest->board);
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    if (ingest == NULL)
        return;
    hand_done(&ingest->hand);
    tombstones_done(&ingest->tombstones);
    id_window_free(ingest->ids);
    fold_free(ingest->fold);
    free(ingest->fences);
    free(ingest->partitions);
    ingest_board_done(&ingest->board);
    free(ingest);
}

/* ---- partitions ---- */

static int compare_partitions(const void *left, const void *right)
{
    const struct partition *a = left;
    const struct partition *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

struct partition *ingest_partition(struct ingest *ingest, int32_t id)
{
    if (ingest->recent != NULL && ingest->recent->id == id)
        return ingest->recent;
    struct partition wanted = {.id = id};
    if (ingest->partition_count > 0)
        ingest->recent = bsearch(&wanted, ingest->partitions, ingest->partition_count,
                                 sizeof(wanted), compare_partitions);
    return ingest->recent;
}

static void count_stopped(struct ingest *ingest)
{
    int64_t by_reason[STOP_REASONS] = {0};
    int stopped = 0;
    for (size_t i = 0; i < ingest->partition_count; i++) {
        bool is_stopped = ingest->partitions[i].state == PARTITION_STOPPED;
        by_reason[ingest->partitions[i].reason] += is_stopped ? 1 : 0;
        stopped += is_stopped ? 1 : 0;
    }
    for (int reason = 1; reason < STOP_REASONS; reason++)
        ingest_metrics_stopped((enum stop_reason)reason, by_reason[reason]);
    atomic_store(&ingest->stopped_partitions, stopped);
}

void ingest_stop_partition(struct ingest *ingest, struct partition *partition,
                           enum stop_reason reason)
{
    partition->state = PARTITION_STOPPED;
    partition->reason = reason;
    ingest->check_at_ms = 0; /* fetch it no more */
    count_stopped(ingest);
    ingest_refusals_stop(reason, partition->id, partition->next_offset);
}

/* Fetch it no more; the fence says when it goes on. */
static void hold_partition(struct ingest *ingest, struct partition *partition)
{
    partition->state = PARTITION_HELD;
    ingest->check_at_ms = 0;
}

static void forget_partitions(struct ingest *ingest)
{
    ingest->partition_count = 0;
    ingest->recent = NULL;
    ingest_metrics_lags(NULL, 0);
    count_stopped(ingest);
    atomic_store(&ingest->lag_records, -1);
    atomic_store(&ingest->is_running, false);
    ingest_recover_in(ingest, 0);
}

static void take_assignment(struct ingest *ingest, const struct source_event *assigned)
{
    forget_partitions(ingest);
    size_t count = assigned->partition_count;
    ingest->partitions = mem_grow(ingest->partitions, count, sizeof(*ingest->partitions));
    ingest->fences = mem_grow(ingest->fences, count, sizeof(*ingest->fences));
    for (size_t i = 0; i < count; i++)
        ingest->partitions[i] =
            (struct partition){.id = assigned->partitions[i], .missing_offset = -1};
    ingest->partition_count = count;
    if (count > 0)
        qsort(ingest->partitions, count, sizeof(*ingest->partitions), compare_partitions);
    ingest->rules.topic_partitions = assigned->topic_partitions;
    ingest_board_set_topic(&ingest->board, assigned->topic_partitions);
    (void)snprintf(ingest->cluster_id, sizeof(ingest->cluster_id), "%s", assigned->cluster_id);
    ingest_recover_in(ingest, 0);
    ingest->lag_at_ms = 0;
    atomic_store(&ingest->has_nothing, count == 0);
    atomic_store(&ingest->is_assigned, true);
    log_info("partitions assigned", LOG_INT("count", (int64_t)count));
}

/* What is in hand comes again for the next owner; what is written need not. */
static void settle_open(struct ingest *ingest)
{
    hand_drop(&ingest->hand);
    ingest_flush(ingest);
}

static void give_up_assignment(struct ingest *ingest)
{
    log_info("partitions revoked");
    settle_open(ingest);
    atomic_store(&ingest->is_assigned, false);
    atomic_store(&ingest->has_nothing, false);
    forget_partitions(ingest);
}

/* ---- records ---- */

/* The record before the position: it is the one that was applied last, or the partition stops. */
static void check_record(struct ingest *ingest, struct partition *partition,
                         const struct record_view *record)
{
    bool is_there = record->place.offset == partition->fence.next_offset - 1;
    if (is_there && position_is_same(&partition->fence, record))
        partition->state = PARTITION_RUNNING;
    else
        ingest_stop_partition(ingest, partition, is_there ? STOP_LOG_REWRITTEN : STOP_GAP);
}

/* An offset that is not the next one. A damaged answer may cause it once; the log itself, always.
 */
static void meet_hole(struct ingest *ingest, struct partition *partition)
{
    int64_t missing = partition->next_offset;
    bool is_certain = partition->missing_offset == missing;
    ingest_flush(ingest);
    if (is_certain && partition->state == PARTITION_RUNNING)
        ingest_stop_partition(ingest, partition, STOP_GAP);
    partition->missing_offset = missing;
    if (ingest->phase == INGEST_RUNNING)
        ingest_recover_in(ingest, 0);
}

static void admit(struct ingest *ingest, struct partition *partition, struct batch_event *item)
{
    if (item->fate == BATCH_APPLY) {
        const char *detail = NULL;
        const char *cause = admission_fault(&ingest->rules, &item->record, &item->event, &detail);
        item->record.place.is_foreign =
            admission_is_foreign(&ingest->rules, &item->record, &item->event);
        item->fate = cause == NULL ? BATCH_APPLY : BATCH_ASIDE;
        item->cause = cause;
        item->detail = detail;
    }
    if (item->fate == BATCH_ASIDE && fault_planted("store.skip_poison_silently"))
        item->fate = BATCH_DUPLICATE;
    if (fault_planted("store.clock_at_apply"))
        item->event.occurred_at_ms = now_unix_ms();
    letter_rate_add(&partition->letters, item->fate == BATCH_ASIDE);
}

static void drop_duplicate(struct ingest *ingest, struct batch_event *item)
{
    bool has_effect_once = item->fate == BATCH_APPLY && item->event.kind != EVENT_USER_SEEN &&
                           !fault_planted("store.no_dedup");
    if (has_effect_once && !id_window_put(ingest->ids, &item->event))
        item->fate = BATCH_DUPLICATE;
}

/* So that a dead letter can be followed back to the request that brought its record. */
static void keep_trace(struct ingest *ingest, struct batch_event *item,
                       const struct record_view *record)
{
    struct bytes header = ingest->source.header(ingest->source.self, record, "traceparent");
    struct trace trace;
    if (trace_read(header, (struct bytes){NULL, 0}, &trace))
        hand_set_traceparent(&ingest->hand, item, header);
}

/* True: the record is in hand, or the partition stopped at it. False: the hand must be emptied
 * first. */
static bool take_record(struct ingest *ingest, struct partition *partition,
                        const struct record_view *record)
{
    struct batch_event *item = NULL;
    enum event_decode_result decoded = hand_decode(&ingest->hand, record, &item);
    if (decoded == EVENT_ARENA_FULL)
        return false;
    bool is_known = decoded != EVENT_UNKNOWN_PAYLOAD &&
                    (decoded == EVENT_MALFORMED || fold_is_known(item->event.kind));
    if (is_known)
        admit(ingest, partition, item);
    bool is_too_many =
        letter_rate_count(&partition->letters) > ingest->options.dead_letters_per_1000;
    if (!is_known || is_too_many) {
        ingest_stop_partition(ingest, partition,
                              is_known ? STOP_DEAD_LETTERS : STOP_UNKNOWN_PAYLOAD);
        return true;
    }
    if (item->fate == BATCH_ASIDE)
        keep_trace(ingest, item, record);
    ingest_heed_erasures(ingest, item);
    drop_duplicate(ingest, item);
    hand_keep(&ingest->hand);
    partition->next_offset++;
    partition->missing_offset = -1;
    fault_point("store.decoded", (int64_t)ingest->hand.count);
    return true;
}

/* A record of a partition that is being read. */
static void read_record(struct ingest *ingest, struct partition *partition,
                        const struct record_view *record)
{
    fault_point("store.polled", (int64_t)ingest->hand.count + 1);
    if (fault_planted("store.ignore_gap"))
        partition->next_offset = record->place.offset;
    if (record->place.offset != partition->next_offset) {
        meet_hole(ingest, partition);
        return;
    }
    if (partition->next_offset >= partition->fence.limit_offset) {
        hold_partition(ingest, partition);
        return;
    }
    if (take_record(ingest, partition, record))
        return;
    ingest_flush_hand(ingest, true);
    if (ingest->phase == INGEST_RUNNING) /* else it is fetched again */
        (void)take_record(ingest, partition, record);
}

static void meet_record(struct ingest *ingest, struct record_view *record)
{
    struct partition *partition = ingest_partition(ingest, record->place.partition);
    if (ingest->phase == INGEST_RUNNING && partition != NULL) {
        if (partition->state == PARTITION_CHECKING)
            check_record(ingest, partition, record);
        else if (partition->state == PARTITION_RUNNING)
            read_record(ingest, partition, record);
    }
    ingest->source.release(ingest->source.self, record);
}

/* ---- other events ---- */

static void meet_trouble(struct ingest *ingest, const char *why)
{
    int64_t soon_ms = now_monotonic_ms() + TROUBLE_CHECK_MS;
    log_debug("kafka is unwell", LOG_TEXT("why", why));
    if (ingest->check_at_ms > soon_ms)
        ingest->check_at_ms = soon_ms;
}

static void meet(struct ingest *ingest, struct source_event *event)
{
    switch (event->kind) {
    case SOURCE_NOTHING:
        break;
    case SOURCE_RECORD:
        meet_record(ingest, &event->record);
        break;
    case SOURCE_ASSIGNED:
        take_assignment(ingest, event);
        break;
    case SOURCE_REVOKED:
        give_up_assignment(ingest);
        break;
    case SOURCE_LOST_POSITION:
        ingest_lose_position(ingest, event->partition);
        break;
    case SOURCE_TROUBLE:
        meet_trouble(ingest, event->why);
        break;
    }
}

/* ---- time ---- */

/* What is due now, before anything is waited for. */
static bool do_due(struct ingest *ingest, struct err *err)
{
    int64_t now_ms = now_monotonic_ms();
    if (ingest->phase == INGEST_RUNNING && now_ms >= ingest->check_at_ms) {
        ingest_flush(ingest);
        if (ingest->phase == INGEST_RUNNING)
            ingest_recover_in(ingest, 0);
    }
    bool is_begin_due = ingest->phase == INGEST_RECOVERING && now_ms >= ingest->retry_at_ms;
    if (is_begin_due && !ingest_try_begin(ingest, err))
        return false;
    if (now_ms >= ingest->lag_at_ms)
        ingest_measure_lag(ingest, now_ms);
    if (ingest->phase == INGEST_RUNNING && now_ms >= ingest->letters_at_ms && !ingest->is_open) {
        ingest->letters_at_ms = now_ms + LETTERS_EVERY_MS;
        ingest_tend_letters(ingest, now_unix_ms());
    }
    if (ingest->phase == INGEST_RUNNING && now_ms >= ingest->generations_at_ms) {
        ingest->generations_at_ms = now_ms + GENERATIONS_EVERY_MS;
        ingest_tend_generations(ingest, now_ms);
    }
    return true;
}

/* The log is known to hold more than was taken. */
static bool is_behind(const struct ingest *ingest)
{
    for (size_t i = 0; i < ingest->partition_count; i++) {
        const struct partition *partition = &ingest->partitions[i];
        if (partition->state == PARTITION_RUNNING &&
            ingest->source.known_end(ingest->source.self, partition->id) > partition->next_offset)
            return true;
    }
    return false;
}

/* How long the oldest record in hand may still wait for others; behind, a fuller batch is worth it.
 */
static int64_t linger_left_ms(const struct ingest *ingest)
{
    int64_t age_ms = (now_monotonic_us() - ingest->hand.since_us) / 1000;
    if (age_ms >= ingest->options.linger_ms && age_ms < BEHIND_LINGER_MS && is_behind(ingest))
        return BEHIND_LINGER_MS - age_ms;
    return age_ms < ingest->options.linger_ms ? ingest->options.linger_ms - age_ms : 0;
}

static int wait_for(const struct ingest *ingest, int wait_ms)
{
    if (ingest->hand.count == 0)
        return wait_ms;
    int64_t left_ms = linger_left_ms(ingest);
    return left_ms < wait_ms ? (int)left_ms : wait_ms;
}

static void flush_due(struct ingest *ingest, enum source_event_kind last)
{
    const struct hand *hand = &ingest->hand;
    bool is_over = last == SOURCE_NOTHING && (hand->count == 0 || linger_left_ms(ingest) == 0);
    if (hand->count > 0 && (hand_is_full(hand) || is_over))
        ingest_flush_hand(ingest, hand_is_full(hand) || is_behind(ingest));
    else if (is_over)
        ingest_flush(ingest);
}

/* All that the log held of the visited partition is in hand or written: on to the next one. */
static void end_visit(struct ingest *ingest)
{
    const struct partition *visited =
        ingest->visited < 0 ? NULL : ingest_partition(ingest, ingest->visited);
    if (visited == NULL || visited->next_offset < ingest->visit_ends_at)
        return;
    ingest_flush(ingest);
    if (ingest->phase == INGEST_RUNNING)
        ingest_recover_in(ingest, 0);
}

bool ingest_step(struct ingest *ingest, int wait_ms, struct err *err)
{
    struct source_event event = {.kind = SOURCE_RECORD};
    if (!do_due(ingest, err))
        return false;
    int timeout_ms = wait_for(ingest, wait_ms);
    while (event.kind == SOURCE_RECORD && !hand_is_full(&ingest->hand)) {
        if (!ingest->source.poll(ingest->source.self, timeout_ms, &event, err)) {
            if (err->kind == ERR_FATAL)
                return false;
            ingest_recover_later(ingest, "kafka is unwell, trying again", err);
            return true;
        }
        meet(ingest, &event);
        timeout_ms = 0;
    }
    flush_due(ingest, event.kind);
    if (ingest->phase == INGEST_RUNNING)
        end_visit(ingest);
    return true;
}

bool ingest_run(struct ingest *ingest, struct err *err)
{
    while (!atomic_load(&ingest->is_stopping))
        if (!ingest_step(ingest, POLL_MS, err))
            return false;
    ingest_flush(ingest);
    return true;
}

bool ingest_wait_stop(struct ingest *ingest, int64_t wait_ms)
{
    int64_t until_ms = now_monotonic_ms() + wait_ms;
    while (!atomic_load(&ingest->is_stopping) && now_monotonic_ms() < until_ms)
        (void)poll(NULL, 0, STOP_POLL_MS);
    return atomic_load(&ingest->is_stopping);
}

/* ---- for other threads ---- */

void ingest_stop(struct ingest *ingest)
{
    atomic_store(&ingest->is_stopping, true);
}

struct ingest_status ingest_status(const struct ingest *ingest)
{
    return (struct ingest_status){
        .is_assigned = atomic_load(&ingest->is_assigned),
        .is_running = atomic_load(&ingest->is_running) || atomic_load(&ingest->has_nothing),
        .is_database_well = atomic_load(&ingest->is_database_well),
        .stopped_partitions = atomic_load(&ingest->stopped_partitions),
    };
}
