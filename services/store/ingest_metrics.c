#include "services/store/ingest_metrics.h"

#include "libs/ops/metrics.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define US_PER_MS 1000
#define PARTITIONS_SHOWN 64 /* the rest is summed up as "other" */

enum result { RESULT_NEW, RESULT_DUPLICATE, RESULT_STALE, RESULTS };
#define KINDS ((size_t)(EVENT_KIND_MAX - EVENT_USER_SEEN + 1))

static const char *const RESULT_NAMES[RESULTS] = {"new", "duplicate", "stale"};
static struct metric_series applied_series[KINDS * RESULTS];
static char applied_labels[KINDS * RESULTS][64];
static struct metric applied = {
    .name = "events_applied_total",
    .help = "Events of committed batches by kind and by what came of them: new ones took effect.",
    .kind = METRIC_COUNTER,
    .series = applied_series,
    .count = COUNT(applied_series)};

static struct metric_series duplicates_series[] = {{.labels = ""}};
static struct metric duplicates = {.name = "duplicates_total",
                                   .help = "Events whose id had taken effect before.",
                                   .kind = METRIC_COUNTER,
                                   .series = duplicates_series,
                                   .count = 1};

static struct metric_series late_series[] = {{.labels = ""}};
static struct metric late = {.name = "late_events_total",
                             .help = "Events of erased people, dated up to the erase: dropped.",
                             .kind = METRIC_COUNTER,
                             .series = late_series,
                             .count = 1};

static const char *const CAUSES[] = {"malformed", "other_bot",       "wrong_key",   "bad_row",
                                     "bad_patch", "wrong_partition", "reserved_id", "other"};
#define BY_CAUSE \
    { \
        {.labels = "cause=\"malformed\""},   {.labels = "cause=\"other_bot\""}, \
        {.labels = "cause=\"wrong_key\""},   {.labels = "cause=\"bad_row\""}, \
        {.labels = "cause=\"bad_patch\""},   {.labels = "cause=\"wrong_partition\""}, \
        {.labels = "cause=\"reserved_id\""}, {.labels = "cause=\"other\""}, \
    }
static struct metric_series dlq_series[COUNT(CAUSES)] = BY_CAUSE;
static struct metric dlq = {.name = "dlq_total",
                            .help = "Records set aside as dead letters, by cause.",
                            .kind = METRIC_COUNTER,
                            .series = dlq_series,
                            .count = COUNT(dlq_series)};

static struct metric_series open_series[COUNT(CAUSES)] = BY_CAUSE;
static struct metric open_letters = {
    .name = "dlq_open",
    .help = "Dead letters of all partitions that nobody has decided on, by cause; counted up to "
            "100,000.",
    .kind = METRIC_GAUGE,
    .series = open_series,
    .count = COUNT(open_series)};

static struct metric_series oldest_series[] = {{.labels = ""}};
static struct metric oldest = {.name = "dlq_oldest_seconds",
                               .help = "Age of the oldest dead letter that nobody has decided on; "
                                       "0: there is none.",
                               .kind = METRIC_GAUGE,
                               .series = oldest_series,
                               .count = 1};

static struct metric_series expired_series[] = {{.labels = ""}};
static struct metric expired = {.name = "dlq_expired_total",
                                .help = "Dead letters whose bytes this process took away.",
                                .kind = METRIC_COUNTER,
                                .series = expired_series,
                                .count = 1};

static struct metric_series batches_series[] = {{.labels = ""}};
static struct metric batches = {.name = "apply_batches_total",
                                .help = "Committed transactions of ingest.",
                                .kind = METRIC_COUNTER,
                                .series = batches_series,
                                .count = 1};

static struct metric_series apply_series[] = {{.labels = ""}};
static struct metric apply_time = {.name = "apply_batch_seconds",
                                   .help = "From the batch in hand to its commit.",
                                   .kind = METRIC_HISTOGRAM,
                                   .series = apply_series,
                                   .count = 1};

static struct metric_series size_series[] = {{.labels = ""}};
static struct metric batch_size = {.name = "apply_batch_size",
                                   .help = "Records of a committed batch.",
                                   .kind = METRIC_SIZES,
                                   .series = size_series,
                                   .count = 1,
                                   .first_bound = 8};

/* Telegram's dates are whole seconds. */
static struct metric_series end_to_end_series[] = {{.labels = ""}};
static struct metric end_to_end = {
    .name = "end_to_end_seconds",
    .help = "From Telegram's date of what happened to the commit of its event.",
    .kind = METRIC_HISTOGRAM,
    .series = end_to_end_series,
    .count = 1,
    .first_bound = 1000000};

static struct metric_series receipt_series[] = {{.labels = ""}};
static struct metric receipt = {.name = "receipt_to_commit_seconds",
                                .help = "From the gateway's receipt of an event to its commit.",
                                .kind = METRIC_HISTOGRAM,
                                .series = receipt_series,
                                .count = 1};

#define PARTITION_SERIES (PARTITIONS_SHOWN + 1)
static char partition_labels[PARTITIONS_SHOWN][24];

static struct metric_series lag_series[PARTITION_SERIES];
static struct metric lag = {.name = "consumer_lag_messages",
                            .help = "Records of the log that are not applied, of own partitions.",
                            .kind = METRIC_GAUGE,
                            .series = lag_series,
                            .count = PARTITION_SERIES};

static struct metric_series owned_series[PARTITION_SERIES];
static struct metric owned = {.name = "consumer_partitions_owned",
                              .help = "1: the partition is this process's.",
                              .kind = METRIC_GAUGE,
                              .series = owned_series,
                              .count = PARTITION_SERIES};

static struct metric_series records_series[PARTITION_SERIES];
static struct metric records = {.name = "consumer_records_total",
                                .help = "Records of the log that were committed, by partition.",
                                .kind = METRIC_COUNTER,
                                .series = records_series,
                                .count = PARTITION_SERIES};

static struct metric_series stopped_series[STOP_REASONS - 1];
static char stopped_labels[STOP_REASONS][40];
static struct metric stopped = {.name = "partition_stopped",
                                .help = "Own partitions that stand still, by reason.",
                                .kind = METRIC_GAUGE,
                                .series = stopped_series,
                                .count = COUNT(stopped_series)};

/* By enum apply_result, from APPLY_FENCE_MOVED on. */
static struct metric_series retry_series[] = {
    {.labels = "why=\"fence_moved\""}, {.labels = "why=\"duplicate\""},
    {.labels = "why=\"bad_row\""},     {.labels = "why=\"database_unwell\""},
    {.labels = "why=\"bug\""},         {.labels = "why=\"undone\""},
};
static struct metric retries = {.name = "apply_retries_total",
                                .help = "Batches that were not committed at once, by reason.",
                                .kind = METRIC_COUNTER,
                                .series = retry_series,
                                .count = COUNT(retry_series)};

static void name_partitions(void)
{
    struct metric_series *const all[] = {lag_series, owned_series, records_series};
    for (int i = 0; i < PARTITIONS_SHOWN; i++)
        (void)snprintf(partition_labels[i], sizeof(partition_labels[i]), "partition=\"%d\"", i);
    for (size_t k = 0; k < COUNT(all); k++)
        for (size_t i = 0; i < PARTITION_SERIES; i++)
            all[k][i].labels = i < PARTITIONS_SHOWN ? partition_labels[i] : "partition=\"other\"";
}

static void name_results(void)
{
    for (size_t i = 0; i < KINDS * RESULTS; i++) {
        enum event_kind kind = (enum event_kind)((size_t)EVENT_USER_SEEN + i / RESULTS);
        (void)snprintf(applied_labels[i], sizeof(applied_labels[i]), "kind=\"%s\",result=\"%s\"",
                       event_kind_name(kind), RESULT_NAMES[i % RESULTS]);
        applied_series[i].labels = applied_labels[i];
    }
}

void ingest_metrics_add(void)
{
    struct metric *const all[] = {&applied, &duplicates, &late,    &dlq,        &open_letters,
                                  &oldest,  &expired,    &batches, &apply_time, &batch_size,
                                  &lag,     &owned,      &records, &stopped,    &end_to_end,
                                  &receipt, &retries};
    name_partitions();
    name_results();
    for (int i = 1; i < STOP_REASONS; i++) {
        (void)snprintf(stopped_labels[i], sizeof(stopped_labels[i]), "reason=\"%s\"",
                       stop_reason_name((enum stop_reason)i));
        stopped_series[i - 1].labels = stopped_labels[i];
    }
    for (size_t i = 0; i < COUNT(all); i++)
        metrics_add(all[i]);
}

static size_t cause_number(const char *cause)
{
    size_t i = 0;
    while (i < COUNT(CAUSES) - 1 && strcmp(CAUSES[i], cause) != 0)
        i++;
    return i;
}

/* What a batch adds, gathered without any atomic operation. */
struct sums {
    int64_t applied[KINDS * RESULTS];
    int64_t by_result[RESULTS];
    struct metric_tally end_to_end;
    struct metric_tally receipt;
};

static void sum_event(const struct batch_event *item, int64_t now_ms, struct sums *sums)
{
    const struct event *event = &item->event;
    enum result result = item->is_fresh             ? RESULT_NEW
                         : item->fate == BATCH_LATE ? RESULT_STALE
                                                    : RESULT_DUPLICATE;
    if (event->kind != EVENT_NONE)
        sums->applied[(size_t)(event->kind - EVENT_USER_SEEN) * RESULTS + result]++;
    sums->by_result[result]++;
    if (result != RESULT_NEW)
        return;
    if (event->received_at_ms > 0)
        metric_tally_add(&sums->receipt, &receipt, (now_ms - event->received_at_ms) * US_PER_MS);
    /* What an import or a command brought has no update, and its date is not of now. */
    if (event->update_id != 0 && event->occurred_at_ms > 0)
        metric_tally_add(&sums->end_to_end, &end_to_end,
                         (now_ms - event->occurred_at_ms) * US_PER_MS);
}

static void add_sums(const struct sums *sums)
{
    for (size_t i = 0; i < KINDS * RESULTS; i++)
        if (sums->applied[i] > 0)
            metric_add(&applied_series[i], sums->applied[i]);
    metric_add(&duplicates_series[0], sums->by_result[RESULT_DUPLICATE]);
    metric_add(&late_series[0], sums->by_result[RESULT_STALE]);
    metric_add_tally(&end_to_end_series[0], &sums->end_to_end);
    metric_add_tally(&receipt_series[0], &sums->receipt);
}

static size_t partition_number(int32_t partition)
{
    return partition < PARTITIONS_SHOWN ? (size_t)partition : PARTITIONS_SHOWN;
}

void ingest_metrics_batch(const struct batch *batch, int64_t apply_us, int64_t now_ms)
{
    struct sums sums = {0};
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].fate == BATCH_ASIDE)
            metric_add(&dlq_series[cause_number(batch->events[i].cause)], 1);
        else
            sum_event(&batch->events[i], now_ms, &sums);
    add_sums(&sums);
    for (size_t i = 0; i < batch->fence_count; i++)
        metric_add(&records_series[partition_number(batch->fences[i].before.partition)],
                   batch->fences[i].next_offset - batch->fences[i].before.next_offset);
    metric_add(&batches_series[0], 1);
    metric_observe_us(&apply_series[0], apply_us);
    metric_observe(&batch_size, &size_series[0], (int64_t)batch->event_count);
}

void ingest_metrics_lags(const struct partition_lag *lags, size_t count)
{
    int64_t waiting[PARTITION_SERIES] = {0};
    int64_t is_owned[PARTITION_SERIES] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t number = partition_number(lags[i].partition);
        waiting[number] += lags[i].records;
        is_owned[number]++;
    }
    for (size_t i = 0; i < PARTITION_SERIES; i++) {
        metric_set(&lag_series[i], waiting[i]);
        metric_set(&owned_series[i], is_owned[i]);
    }
}

void ingest_metrics_stopped(enum stop_reason reason, int64_t partitions)
{
    if (reason != STOP_NONE)
        metric_set(&stopped_series[reason - 1], partitions);
}

void ingest_metrics_retry(enum apply_result why)
{
    metric_add(&retry_series[why - APPLY_FENCE_MOVED], 1);
}

void ingest_metrics_letters(const struct letter_census *census, int64_t now_ms)
{
    int64_t open[COUNT(CAUSES)] = {0};
    for (size_t i = 0; i < census->count; i++)
        open[cause_number(census->counts[i].cause)] += census->counts[i].open;
    for (size_t i = 0; i < COUNT(CAUSES); i++)
        metric_set(&open_series[i], open[i]);
    int64_t age_ms = census->oldest_ms < 0 ? 0 : now_ms - census->oldest_ms;
    metric_set(&oldest_series[0], age_ms > 0 ? age_ms / 1000 : 0);
    metric_add(&expired_series[0], census->expired);
}
