#include "services/store/ingest_metrics.h"

#include "libs/ops/metrics.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PARTITIONS_SHOWN 64 /* the rest is summed up as "other" */

/* By event kind, from EVENT_USER_SEEN on. */
static struct metric_series applied_series[] = {
    {.labels = "kind=\"user_seen\""},         {.labels = "kind=\"user_lang_changed\""},
    {.labels = "kind=\"user_mode_changed\""}, {.labels = "kind=\"video_downloaded\""},
    {.labels = "kind=\"music_extracted\""},   {.labels = "kind=\"ad_shown\""},
    {.labels = "kind=\"ad_counted\""},        {.labels = "kind=\"user_settings_patched\""},
    {.labels = "kind=\"chat_migrated\""},     {.labels = "kind=\"user_blocked\""},
    {.labels = "kind=\"user_erased\""},
};
static struct metric applied = {.name = "events_applied_total",
                                .help = "Events that took effect, by kind.",
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

static struct metric_series end_to_end_series[] = {{.labels = ""}};
static struct metric end_to_end = {.name = "end_to_end_seconds",
                                   .help = "From the gateway's receipt of an event to its commit.",
                                   .kind = METRIC_HISTOGRAM,
                                   .series = end_to_end_series,
                                   .count = 1};

static struct metric_series lag_series[PARTITIONS_SHOWN + 1];
static char lag_labels[PARTITIONS_SHOWN][24];
static struct metric lag = {.name = "consumer_lag_messages",
                            .help = "Records of the log that are not applied, of own partitions.",
                            .kind = METRIC_GAUGE,
                            .series = lag_series,
                            .count = COUNT(lag_series)};

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

void ingest_metrics_add(void)
{
    struct metric *const all[] = {&applied, &duplicates, &late,    &dlq,        &open_letters,
                                  &oldest,  &expired,    &batches, &apply_time, &lag,
                                  &stopped, &end_to_end, &retries};
    for (int i = 0; i < PARTITIONS_SHOWN; i++) {
        (void)snprintf(lag_labels[i], sizeof(lag_labels[i]), "partition=\"%d\"", i);
        lag_series[i].labels = lag_labels[i];
    }
    lag_series[PARTITIONS_SHOWN].labels = "partition=\"other\"";
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

void ingest_metrics_batch(const struct batch *batch, int64_t apply_us, int64_t now_ms)
{
    int64_t by_kind[EVENT_KIND_MAX + 1] = {0};
    int64_t repeated = 0;
    int64_t too_late = 0;
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct batch_event *event = &batch->events[i];
        if (event->fate == BATCH_ASIDE) {
            metric_add(&dlq_series[cause_number(event->cause)], 1);
            continue;
        }
        too_late += event->fate == BATCH_LATE ? 1 : 0;
        repeated += event->is_fresh ? 0 : 1; /* what is too late, too */
        by_kind[event->event.kind] += event->is_fresh ? 1 : 0;
        if (event->is_fresh && event->event.received_at_ms > 0)
            metric_observe_us(&end_to_end_series[0], (now_ms - event->event.received_at_ms) * 1000);
    }
    for (int kind = EVENT_USER_SEEN; kind <= EVENT_KIND_MAX; kind++)
        if (by_kind[kind] > 0)
            metric_add(&applied_series[kind - EVENT_USER_SEEN], by_kind[kind]);
    metric_add(&duplicates_series[0], repeated - too_late);
    metric_add(&late_series[0], too_late);
    metric_add(&batches_series[0], 1);
    metric_observe_us(&apply_series[0], apply_us);
}

void ingest_metrics_lag(int32_t partition, int64_t records)
{
    if (partition < PARTITIONS_SHOWN)
        metric_set(&lag_series[partition], records);
    else
        metric_add(&lag_series[PARTITIONS_SHOWN], records);
}

void ingest_metrics_no_lag(void)
{
    for (size_t i = 0; i < COUNT(lag_series); i++)
        metric_set(&lag_series[i], 0);
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
