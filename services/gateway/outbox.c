#include "services/gateway/outbox.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/gateway/key_gate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define GATE_BUCKETS 4096

struct sending;

struct item {
    struct key_ticket ticket;
    struct sending *sending;
    struct event_result *result;
    struct record *record; /* owned; only while the item waits */
    struct item *next_ready;
};

/* One batch. It is gone when `unresolved` reaches 0. */
struct sending {
    struct sending *before, *next;
    struct outbox *outbox;
    const struct outbox_points *points;
    const size_t *load;
    void (*done)(void *arg, const struct event_result *results, size_t count);
    void *arg;
    int64_t give_up_ms;
    size_t waiting;
    size_t
        unresolved; /* items without a result, and one more while the batch is being handed over */
    bool has_failed;
    bool is_sequence;
    struct event_result *results;
    size_t count;
    struct item items[];
};

struct outbox {
    const struct record_sink *sink;
    struct outbox_limits limits;
    struct key_gate *gate;
    size_t in_flight, in_flight_bytes;
    struct sending *first, *last;    /* in order of arrival, so of give_up_ms too */
    struct item *ready, *last_ready; /* have got their key, are not yet put */
    bool is_pumping;
};

static void resolve(struct item *item, enum event_state state);

struct outbox *outbox_new(const struct record_sink *sink, const struct outbox_limits *limits)
{
    struct outbox *outbox = mem_alloc(sizeof(*outbox));
    outbox->sink = sink;
    outbox->limits = *limits;
    outbox->gate = key_gate_new(GATE_BUCKETS);
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (outbox == NULL)
        return;
    assert(outbox->first == NULL);
    key_gate_free(outbox->gate);
    free(outbox);
}

bool outbox_admit(struct outbox *outbox, size_t count, size_t bytes)
{
    if (count > outbox->limits.max_count - outbox->in_flight ||
        bytes > outbox->limits.max_bytes - outbox->in_flight_bytes)
        return false;
    outbox->in_flight += count;
    outbox->in_flight_bytes += bytes;
    return true;
}

void outbox_release(struct outbox *outbox, size_t count, size_t bytes)
{
    assert(outbox->in_flight >= count && outbox->in_flight_bytes >= bytes);
    outbox->in_flight -= count;
    outbox->in_flight_bytes -= bytes;
}

size_t outbox_in_flight(const struct outbox *outbox)
{
    return outbox->in_flight;
}

size_t outbox_in_flight_bytes(const struct outbox *outbox)
{
    return outbox->in_flight_bytes;
}

size_t outbox_waiting(const struct outbox *outbox)
{
    return key_gate_waiting(outbox->gate);
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->first == NULL;
}

static struct sending *sending_new(struct outbox *outbox, const struct outbox_batch *batch,
                                   size_t count)
{
    struct sending *sending =
        mem_alloc(sizeof(*sending) + count * (sizeof(struct item) + sizeof(struct event_result)));
    sending->results = (struct event_result *)&sending->items[count];
    sending->outbox = outbox;
    sending->points = batch->points;
    sending->load = batch->load;
    sending->done = batch->done;
    sending->arg = batch->arg;
    sending->give_up_ms = now_monotonic_ms() + outbox->limits.wait_ms;
    sending->count = count;
    sending->is_sequence = batch->is_sequence;
    sending->unresolved = count + 1;
    sending->before = outbox->last;
    if (outbox->last == NULL)
        outbox->first = sending;
    else
        outbox->last->next = sending;
    outbox->last = sending;
    for (size_t i = 0; i < count; i++)
        sending->items[i] = (struct item){.sending = sending, .result = &sending->results[i]};
    return sending;
}

/* One result less is missing; the last one ends the batch. */
static void count_down(struct sending *sending)
{
    if (--sending->unresolved > 0)
        return;
    struct outbox *outbox = sending->outbox;
    if (sending->before == NULL)
        outbox->first = sending->next;
    else
        sending->before->next = sending->next;
    if (sending->next == NULL)
        outbox->last = sending->before;
    else
        sending->next->before = sending->before;
    sending->done(sending->arg, sending->results, sending->count);
    free(sending);
}

static void drop_record(struct item *item)
{
    if (item->record == NULL)
        return;
    record_done(item->record);
    free(item->record);
    item->record = NULL;
    item->sending->waiting--;
}

static void on_delivered(void *arg, const struct delivery *delivery)
{
    struct item *item = arg;
    fault_point(item->sending->points->delivered, (int64_t)*item->sending->load);
    if (!delivery->is_durable) {
        resolve(item, delivery->is_too_large ? EVENT_STATE_TOO_LARGE : EVENT_STATE_UNACKNOWLEDGED);
        return;
    }
    item->result->partition = delivery->partition;
    item->result->offset = delivery->offset;
    resolve(item, EVENT_STATE_DURABLE);
}

static void put(struct item *item, enum sink_topic topic, const struct record *record)
{
    const struct sending *sending = item->sending;
    const struct record_sink *sink = sending->outbox->sink;
    struct receipt receipt = {on_delivered, item};
    struct err err;
    fault_point(sending->points->before_produce, (int64_t)*sending->load);
    if (!sink->put(sink->self, topic, record, receipt, &err))
        resolve(item, err.kind == ERR_REJECT ? EVENT_STATE_TOO_LARGE : EVENT_STATE_UNACKNOWLEDGED);
    else
        fault_point(sending->points->after_produce, (int64_t)*sending->load);
}

/* Put what has got its key. A put that fails gives the key to the next waiter, so this is a loop
 * and no recursion. */
static void pump(struct outbox *outbox)
{
    if (outbox->is_pumping)
        return;
    outbox->is_pumping = true;
    while (outbox->ready != NULL) {
        struct item *item = outbox->ready;
        outbox->ready = item->next_ready;
        struct record *record = item->record;
        item->record = NULL;
        item->sending->waiting--;
        put(item, SINK_EVENTS, record);
        record_done(record);
        free(record);
    }
    outbox->is_pumping = false;
}

static void on_granted(void *arg)
{
    struct item *item = arg;
    struct outbox *outbox = item->sending->outbox;
    item->next_ready = NULL;
    if (outbox->ready == NULL)
        outbox->ready = item;
    else
        outbox->last_ready->next_ready = item;
    outbox->last_ready = item;
}

/* The later events of the failed one's key. Those that were entered all wait behind it. */
static void fail_followers(struct item *failed)
{
    struct sending *sending = failed->sending;
    sending->has_failed = true;
    for (struct item *item = failed + 1; item < sending->items + sending->count; item++) {
        if (item->ticket.state != TICKET_WAITS || item->ticket.key != failed->ticket.key)
            continue;
        key_gate_leave(sending->outbox->gate, &item->ticket);
        drop_record(item);
        item->result->state = EVENT_STATE_EARLIER_FAILED;
        sending->unresolved--; /* never the last one: `failed` is still counted */
    }
}

static void resolve_one(struct item *item, enum event_state state)
{
    /* The analyzer does not see that an ended batch is out of the list. */
    struct outbox *outbox = item->sending->outbox; /* NOLINT(clang-analyzer-unix.Malloc) */
    item->result->state = state;
    drop_record(item);
    if (state != EVENT_STATE_DURABLE)
        fail_followers(item);
    key_gate_leave(outbox->gate, &item->ticket);
    count_down(item->sending);
}

/* The next event of a later batch in sequence that waits behind this one. */
static struct item *next_in_sequence(const struct item *failed)
{
    struct item *item = key_gate_behind(&failed->ticket);
    while (item != NULL && (!item->sending->is_sequence || item->sending == failed->sending))
        item = key_gate_behind(&item->ticket);
    return item;
}

static void resolve(struct item *item, enum event_state state)
{
    struct outbox *outbox = item->sending->outbox; /* NOLINT(clang-analyzer-unix.Malloc) */
    if (state != EVENT_STATE_DURABLE && item->sending->is_sequence)
        for (struct item *next = next_in_sequence(item); next != NULL;
             next = next_in_sequence(item))
            resolve_one(next, EVENT_STATE_EARLIER_FAILED);
    resolve_one(item, state);
    pump(outbox);
}

static bool has_failed_before(const struct item *item, int64_t key)
{
    const struct sending *sending = item->sending;
    if (!sending->has_failed)
        return false;
    for (const struct item *earlier = sending->items; earlier < item; earlier++)
        if (earlier->ticket.key == key && earlier->result->state > EVENT_STATE_DURABLE)
            return true;
    return false;
}

static bool encode(const struct event *event, const struct trace *trace, struct record *out)
{
    if (!record_of_event(event, trace, out))
        return false;
    if (fault_planted("gateway.key_without_bot"))
        out->key_len =
            (size_t)snprintf(out->key, sizeof(out->key), "%lld", (long long)event->subject_id);
    return true;
}

static bool enter(struct outbox *outbox, struct item *item, int64_t key)
{
    if (fault_planted("gateway.no_key_gate"))
        return true;
    return key_gate_enter(outbox->gate, &item->ticket, key, on_granted, item);
}

static void send_one(struct item *item, const struct event *event, const struct trace *trace)
{
    struct outbox *outbox = item->sending->outbox;
    if (has_failed_before(item, event->subject_id)) {
        item->ticket.key = event->subject_id;
        resolve(item, EVENT_STATE_EARLIER_FAILED);
        return;
    }
    bool is_mine = enter(outbox, item, event->subject_id);
    struct record record;
    bool is_encoded = encode(event, trace, &record);
    if (!is_mine) {
        item->record = mem_copy(&record, sizeof(record));
        item->sending->waiting++;
        if (!is_encoded)
            resolve(item, EVENT_STATE_TOO_LARGE);
        return;
    }
    if (is_encoded)
        put(item, SINK_EVENTS, &record);
    else
        resolve(item, EVENT_STATE_TOO_LARGE);
    record_done(&record);
}

void outbox_send(struct outbox *outbox, const struct outbox_batch *batch)
{
    struct sending *sending = sending_new(outbox, batch, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        send_one(&sending->items[i], &batch->events[i], batch->trace);
    count_down(sending);
}

void outbox_send_raw(struct outbox *outbox, const struct raw_update *raw,
                     const struct outbox_batch *batch)
{
    struct sending *sending = sending_new(outbox, batch, 1);
    struct record record;
    record_of_raw(raw, &record);
    put(&sending->items[0], SINK_RAW, &record);
    record_done(&record);
    count_down(sending);
}

/* An event whose batch has waited long enough; NULL: there is none. */
static struct item *find_expired(const struct outbox *outbox, int64_t now_ms)
{
    struct sending *sending = outbox->first;
    while (sending != NULL && sending->give_up_ms <= now_ms && sending->waiting == 0)
        sending = sending->next;
    if (sending == NULL || sending->give_up_ms > now_ms)
        return NULL;
    struct item *item = sending->items;
    while (item->record == NULL)
        item++;
    return item;
}

void outbox_sweep(struct outbox *outbox, int64_t now_ms)
{
    /* An answer may end and begin any number of batches, so each search starts from the beginning.
     */
    for (struct item *item = find_expired(outbox, now_ms); item != NULL;
         item = find_expired(outbox, now_ms))
        resolve(item, EVENT_STATE_UNACKNOWLEDGED);
}

void outbox_give_up_waits(struct outbox *outbox)
{
    outbox_sweep(outbox, INT64_MAX);
}
