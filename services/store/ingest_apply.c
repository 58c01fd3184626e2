#include "services/store/ingest_state.h"

#include "libs/base/fault.h"
#include "libs/base/log.h"
#include "libs/base/now.h"
#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"

#define TOLERANT_BATCHES 16 /* after a duplicate, others are likely */
#define CLOSED_BATCHES 64   /* after open ones were lost; more than are open at a time */

/* How far a hand is applied. */
struct bisecting {
    size_t from;  /* items before it are written */
    size_t limit; /* largest slice to try next */
    bool is_more_to_come;
};

/* ---- a slice of the hand as one transaction ---- */

/* One fence for each partition with a record in the slice, in ascending order. */
static size_t build_fences(struct ingest *ingest, const struct batch_event *events, size_t count)
{
    for (size_t i = 0; i < ingest->partition_count; i++)
        ingest->partitions[i].last = NULL;
    for (size_t i = 0; i < count; i++)
        ingest_partition(ingest, events[i].record.place.partition)->last = &events[i];

    size_t fence_count = 0;
    for (size_t i = 0; i < ingest->partition_count; i++) {
        const struct partition *partition = &ingest->partitions[i];
        if (partition->last == NULL)
            continue;
        const struct record_view *record = &partition->last->record;
        struct batch_fence *fence = &ingest->fences[fence_count++];
        *fence = (struct batch_fence){.before = partition->fence,
                                      .next_offset = record->place.offset + 1,
                                      .last_record_ms = record->place.record_ms};
        fingerprint_of(record->value, fence->last_hash);
    }
    return fence_count;
}

static void note_applied(struct ingest *ingest, const struct batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->events[i].fate == BATCH_ASIDE)
            ingest_refusals_letter(&batch->events[i]);
    const struct batch_event *newest = &batch->events[batch->event_count - 1];
    if (newest->event.kind != EVENT_NONE && newest->event.occurred_at_ms > 0)
        atomic_store(&ingest->applied_at_ms, newest->event.occurred_at_ms);
}

/* The slice is written, for ever or with what is open. */
static void advance(struct ingest *ingest, const struct batch *batch)
{
    for (size_t i = 0; i < batch->fence_count; i++) {
        const struct batch_fence *moved = &batch->fences[i];
        struct partition *partition = ingest_partition(ingest, moved->before.partition);
        partition->fence.next_offset = moved->next_offset;
        partition->fence.last_record_ms = moved->last_record_ms;
        memcpy(partition->fence.last_hash, moved->last_hash, FINGERPRINT_LEN);
    }
    note_applied(ingest, batch);
    if (ingest->tolerant_batches > 0)
        ingest->tolerant_batches--;
    if (ingest->closed_batches > 0)
        ingest->closed_batches--;
}

/* All that was written is in the database for ever. */
static void note_committed(struct ingest *ingest)
{
    ingest->is_open = false;
    for (size_t i = 0; i < ingest->partition_count; i++) {
        struct partition *partition = &ingest->partitions[i];
        if (partition->exported_offset == partition->fence.next_offset)
            continue;
        partition->exported_offset = partition->fence.next_offset;
        ingest->source.export_offset(ingest->source.self, partition->id,
                                     partition->exported_offset);
    }
    fault_point("store.exported", (int64_t)ingest->hand.count);
    backoff_reset(&ingest->backoff);
    atomic_store(&ingest->is_database_well, true);
}

static enum apply_result apply_batch(struct ingest *ingest, struct batch *batch, struct err *err)
{
    int64_t began_us = now_monotonic_us();
    enum apply_result result = ingest->store.apply(ingest->store.self, batch, ingest->fold, err);
    if (result == APPLY_DUPLICATE && batch->expect_duplicates)
        result = APPLY_BUG; /* that path tolerates them */
    if (result != APPLY_COMMITTED && result != APPLY_OPEN) {
        ingest_metrics_retry(result);
        return result;
    }
    if (result == APPLY_COMMITTED)
        fault_point("store.committed", (int64_t)batch->event_count);
    if (batch->event_count > 0) {
        advance(ingest, batch);
        ingest_metrics_batch(batch, now_monotonic_us() - began_us, now_unix_ms());
    }
    ingest->is_open = true;
    if (result == APPLY_COMMITTED)
        note_committed(ingest);
    return result;
}

static enum apply_result apply_slice(struct ingest *ingest, struct bisecting *state, size_t count,
                                     struct err *err)
{
    struct batch batch = {.fences = ingest->fences,
                          .events = ingest->hand.items + state->from,
                          .event_count = count,
                          .expect_duplicates = ingest->tolerant_batches > 0,
                          .is_more_to_come = state->is_more_to_come && ingest->is_bulk &&
                                             ingest->closed_batches == 0};
    batch.fence_count = build_fences(ingest, batch.events, count);
    return apply_batch(ingest, &batch, err);
}

/* ---- blame ---- */

static void set_aside(struct batch_event *event, const struct err *err)
{
    log_debug("the database blames a row", LOG_TEXT("error", err->text));
    event->fate = BATCH_ASIDE;
    event->cause = "bad_row";
    event->detail = "the database blames the event's row";
}

/* The slice of one event at `from` cannot be applied. True: try it again, it is a dead letter now.
 */
static bool blame_event(struct ingest *ingest, size_t from, enum apply_result result,
                        const struct err *err)
{
    struct batch_event *event = &ingest->hand.items[from];
    struct partition *partition = ingest_partition(ingest, event->record.place.partition);
    /* Without an erasure's effect what follows it would be taken as if it had one. */
    bool can_be_aside = result == APPLY_BAD_ROW && event->fate == BATCH_APPLY &&
                        event->event.kind != EVENT_USER_ERASED;
    if (can_be_aside) {
        letter_rate_add(&partition->letters, true);
        can_be_aside =
            letter_rate_count(&partition->letters) <= ingest->options.dead_letters_per_1000;
    }
    if (can_be_aside) {
        set_aside(event, err);
        return true;
    }
    log_error("an event cannot be applied", LOG_INT("partition", partition->id),
              LOG_INT("offset", event->record.place.offset), LOG_TEXT("error", err->text));
    ingest_stop_partition(ingest, partition,
                          result == APPLY_BAD_ROW ? STOP_DEAD_LETTERS : STOP_DATABASE_REFUSES);
    ingest_recover_in(ingest, 0);
    return false;
}

/* ---- the whole hand ---- */

/* Begin again at the fences. */
static void give_up(struct ingest *ingest, enum apply_result result, const struct err *err)
{
    const char *what = "the position moved without us, reading it again";
    if (result == APPLY_UNWELL) {
        what = "the database is unwell, trying again";
        atomic_store(&ingest->is_database_well, false);
    }
    if (result == APPLY_UNDONE) {
        what = "what was written together failed, trying it one by one";
        ingest->closed_batches = CLOSED_BATCHES;
    }
    ingest_recover_later(ingest, what, err);
}

/* What follows a failed slice. False: the hand was given up. */
static bool go_on_after(struct ingest *ingest, struct bisecting *state, size_t count,
                        enum apply_result result, const struct err *err)
{
    switch (result) {
    case APPLY_COMMITTED:
    case APPLY_OPEN:
        state->from += count;
        state->limit *= 2;
        return true;
    case APPLY_DUPLICATE:
        ingest->tolerant_batches = TOLERANT_BATCHES;
        return true;
    case APPLY_BAD_ROW:
    case APPLY_BUG:
        state->limit = (count + 1) / 2;
        return count > 1 || blame_event(ingest, state->from, result, err);
    case APPLY_FENCE_MOVED:
    case APPLY_UNWELL:
    case APPLY_UNDONE:
        give_up(ingest, result, err);
        return false;
    }
    return false;
}

/* What is open and not in hand any more. */
static void settle(struct ingest *ingest)
{
    struct batch nothing = {0};
    struct err err;
    enum apply_result result = apply_batch(ingest, &nothing, &err);
    if (result != APPLY_COMMITTED)
        give_up(ingest, result, &err);
}

void ingest_flush(struct ingest *ingest)
{
    if (ingest->hand.count > 0)
        ingest_flush_hand(ingest, false);
    else if (ingest->is_open)
        settle(ingest);
}

void ingest_flush_hand(struct ingest *ingest, bool is_more_to_come)
{
    struct hand *hand = &ingest->hand;
    struct bisecting state = {.limit = hand->count, .is_more_to_come = is_more_to_come};
    while (state.from < hand->count) {
        size_t left = hand->count - state.from;
        size_t count = left < state.limit ? left : state.limit;
        struct err err;
        enum apply_result result = apply_slice(ingest, &state, count, &err);
        if (!go_on_after(ingest, &state, count, result, &err))
            return;
    }
    for (size_t i = 0; i < ingest->partition_count; i++)
        letter_rate_commit(&ingest->partitions[i].letters);
    hand_drop(hand);
}
