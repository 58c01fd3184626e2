#include "services/store/position_check.h"

#include "libs/base/fault.h"

static const char *const NAMES[STOP_REASONS] = {
    [STOP_NONE] = "none",
    [STOP_LOG_STARTS_LATER] = "log_starts_later",
    [STOP_LOG_ENDS_BEFORE] = "log_ends_before",
    [STOP_LOG_REWRITTEN] = "log_rewritten",
    [STOP_OTHER_CLUSTER] = "other_cluster",
    [STOP_PARTITION_COUNT] = "partition_count",
    [STOP_GAP] = "gap",
    [STOP_UNREADABLE] = "unreadable",
    [STOP_UNKNOWN_PAYLOAD] = "unknown_payload",
    [STOP_DEAD_LETTERS] = "dead_letters",
    [STOP_DATABASE_REFUSES] = "database_refuses",
};

static const char *const TEXTS[STOP_REASONS] = {
    [STOP_NONE] = "",
    [STOP_LOG_STARTS_LATER] =
        "the log starts after the position: events that were never applied are gone",
    [STOP_LOG_ENDS_BEFORE] = "the log ends before the position: it was truncated or made anew",
    [STOP_LOG_REWRITTEN] =
        "the log was rewritten: the record before the position is not the applied one",
    [STOP_OTHER_CLUSTER] = "the position belongs to another Kafka cluster",
    [STOP_PARTITION_COUNT] =
        "the topic's partition count changed: chats live in other partitions from there on",
    [STOP_GAP] = "offsets are missing in the log",
    [STOP_UNREADABLE] = "the record at the position cannot be read: it is damaged",
    [STOP_UNKNOWN_PAYLOAD] = "an event of a newer version: upgrade telefact-store",
    [STOP_DEAD_LETTERS] = "too many of the last records became dead letters",
    [STOP_DATABASE_REFUSES] = "the database refuses an event with an error that no retry heals",
};

const char *stop_reason_name(enum stop_reason reason)
{
    return NAMES[reason];
}

const char *stop_reason_text(enum stop_reason reason)
{
    return TEXTS[reason];
}

static struct position_plan stop(enum stop_reason reason)
{
    return (struct position_plan){.stop = reason};
}

static struct position_plan go_on(int64_t offset, bool is_checked)
{
    return (struct position_plan){.start_offset = offset, .is_checked = is_checked};
}

/* Planted: a log that lost records is read on wherever it goes on. */
static struct position_plan jump(const struct fence *fence, const struct log_range *range)
{
    int64_t offset =
        fence->next_offset < range->first_offset ? range->first_offset : fence->next_offset;
    return go_on(offset < range->end_offset ? offset : range->end_offset, true);
}

struct position_plan position_plan(const struct fence *fence, const struct log_range *range,
                                   const char *cluster_id)
{
    int64_t next = fence->next_offset;
    if (fault_planted("store.ignore_gap"))
        return jump(fence, range);
    bool is_other = fence->cluster_id[0] != '\0' && cluster_id[0] != '\0' &&
                    strcmp(fence->cluster_id, cluster_id) != 0;
    if (is_other)
        return stop(STOP_OTHER_CLUSTER);
    if (range->first_offset > next)
        return stop(STOP_LOG_STARTS_LATER);
    if (range->end_offset < next)
        return stop(STOP_LOG_ENDS_BEFORE);
    if (range->first_offset == next)
        return go_on(next, true); /* there is no earlier record to compare */
    return go_on(next - 1, false);
}

bool position_is_same(const struct fence *fence, const struct record_view *record)
{
    uint8_t hash[FINGERPRINT_LEN];
    fingerprint_of(record->value, hash);
    return record->place.record_ms == fence->last_record_ms &&
           memcmp(hash, fence->last_hash, FINGERPRINT_LEN) == 0;
}
