#include "services/gateway/ingest.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"
#include "libs/wire/position.h"
#include "services/gateway/translate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define RAW_CUT_BYTES (64 << 10) /* of an update that the raw topic does not take whole */
#define RAW_REASONS 5            /* the numbers of enum raw_reason and 0 */

struct ingest {
    struct outbox *outbox;
    struct ingest_options options;
    struct job *first, *last; /* unanswered, in order of arrival, so of give_up_ms too */
    size_t in_hand;           /* updates that are not released yet */
};

/* An update on its way. It is answered at its deadline at the latest, and gone when the outbox has
 * its result. */
struct job {
    struct job *before, *next;
    struct ingest *ingest;
    struct bytes body;
    update_done_fn fn; /* NULL: answered already, so `body` is gone */
    void *arg;
    int64_t update_id;
    struct trace trace; /* its state is gone as `body` is */
    int64_t received_at_ms;
    int64_t give_up_ms;
    enum raw_reason raw_reason; /* 0: it goes to the events topic */
};

static const struct outbox_points POINTS = {
    .before_produce = "gateway.before_produce",
    .after_produce = "gateway.after_produce",
    .delivered = "gateway.delivered",
};

static struct metric_series received[UPDATE_KINDS];
static struct metric received_metric = {
    .name = "updates_received_total",
    .help = "Updates that arrived whole, by where they came from and kind.",
    .kind = METRIC_COUNTER,
    .series = received,
    .count = UPDATE_KINDS,
};

static struct metric_series raw_updates[RAW_REASONS] = {
    {.labels = "reason=\"none\""},       {.labels = "reason=\"no_event\""},
    {.labels = "reason=\"unparsable\""}, {.labels = "reason=\"too_deep\""},
    {.labels = "reason=\"too_large\""},
};
static struct metric raw_metric = {
    .name = "raw_updates_total",
    .help = "Updates put into the raw topic, by reason.",
    .kind = METRIC_COUNTER,
    .series = raw_updates + 1,
    .count = RAW_REASONS - 1,
};

static struct metric_series answered[] = {
    [INTAKE_DONE] = {.labels = "outcome=\"done\""},
    [INTAKE_UNAVAILABLE] = {.labels = "outcome=\"unavailable\""},
    [INTAKE_BUSY] = {.labels = "outcome=\"busy\""},
};
static struct metric answered_metric = {
    .name = "updates_answered_total",
    .help = "Updates by what became of them: durable, not acknowledged, refused because of load.",
    .kind = METRIC_COUNTER,
    .series = answered,
    .count = sizeof(answered) / sizeof(*answered),
};

/* What is kept raw because nothing can be read of it is answered 200 all the same. */
enum { NOT_ACKNOWLEDGED, IN_FLIGHT_FULL, LARGE_UPDATE, UNPARSABLE, TOO_DEEP, REFUSALS };

static struct refusal refusals[REFUSALS] = {
    [NOT_ACKNOWLEDGED] = {.code = "not_acknowledged",
                          .msg = "update not acknowledged by Kafka, asking Telegram to send it "
                                 "again"},
    [IN_FLIGHT_FULL] = {.code = "in_flight_full",
                        .msg = "too much is in flight, asking Telegram to send an update again"},
    [LARGE_UPDATE] = {.code = "large_update",
                      .msg = "update is larger than its topic takes, keeping its beginning as a "
                             "raw update",
                      .is_alarm = true},
    [UNPARSABLE] = {.code = "unparsable", .msg = "update cannot be read, keeping it raw"},
    [TOO_DEEP] = {.code = "too_deep", .msg = "update is nested too deep, keeping it raw"},
};

static char kind_labels[UPDATE_KINDS][96];

void ingest_add_metrics(const char *source)
{
    for (size_t i = 0; i < UPDATE_KINDS; i++) {
        (void)snprintf(kind_labels[i], sizeof(kind_labels[i]), "source=\"%s\",type=\"%s\"", source,
                       update_kind_name((enum update_kind)i));
        received[i].labels = kind_labels[i];
    }
    metrics_add(&received_metric);
    metrics_add(&raw_metric);
    metrics_add(&answered_metric);
    refusals_add("update", refusals, REFUSALS);
}

static void add_unanswered(struct job *job)
{
    struct ingest *ingest = job->ingest;
    job->before = ingest->last;
    if (ingest->last == NULL)
        ingest->first = job;
    else
        ingest->last->next = job;
    ingest->last = job;
}

static void remove_unanswered(const struct job *job)
{
    struct ingest *ingest = job->ingest;
    if (job->before == NULL)
        ingest->first = job->next;
    else
        job->before->next = job->next;
    if (job->next == NULL)
        ingest->last = job->before;
    else
        job->next->before = job->before;
}

static void tell(const struct job *job, size_t refusal)
{
    char id[TRACE_ID_LEN + 1];
    trace_id(&job->trace, id);
    log_refusal(&refusals[refusal], LOG_INT("update_id", job->update_id),
                LOG_INT("bytes", (int64_t)job->body.len), LOG_TEXT("trace_id", id));
}

static void answer(struct job *job, enum intake_outcome outcome, const char *position)
{
    update_done_fn fn = job->fn;
    assert(fn != NULL);
    if (outcome == INTAKE_UNAVAILABLE)
        tell(job, NOT_ACKNOWLEDGED);
    remove_unanswered(job);
    job->fn = NULL;
    job->trace.state = (struct bytes){0};
    metric_add(&answered[outcome], 1);
    fn(job->arg, outcome, position);
}

static void finish(struct job *job, enum intake_outcome outcome, const char *position)
{
    answer(job, outcome, position);
    free(job);
}

static void send_raw(struct job *job, enum raw_reason reason);

static enum event_state worst_state(const struct event_result *results, size_t count)
{
    enum event_state worst = EVENT_STATE_DURABLE;
    for (size_t i = 0; i < count; i++)
        if (results[i].state == EVENT_STATE_TOO_LARGE)
            return EVENT_STATE_TOO_LARGE;
        else if (results[i].state != EVENT_STATE_DURABLE)
            worst = results[i].state;
    return worst;
}

static void finish_done(struct job *job, const struct event_result *results, size_t count)
{
    if (job->raw_reason != 0) {
        finish(job, INTAKE_DONE, "");
        return;
    }
    struct position position = {0};
    for (size_t i = 0; i < count; i++)
        position_raise(&position, results[i].partition, results[i].offset + 1);
    char *text = position_text(&position);
    finish(job, INTAKE_DONE, text);
    free(text);
    position_done(&position);
}

/* Kafka refuses a whole batch for its size: a small update in it is not to blame, and will pass. */
static bool is_cuttable(const struct job *job)
{
    return job->raw_reason != RAW_TOO_LARGE && job->body.len > RAW_CUT_BYTES;
}

static void send_cut(struct job *job)
{
    tell(job, LARGE_UPDATE);
    send_raw(job, RAW_TOO_LARGE);
}

static void on_sent(void *arg, const struct event_result *results, size_t count)
{
    struct job *job = arg;
    enum event_state worst = worst_state(results, count);
    if (job->fn == NULL)
        free(job);
    else if (worst == EVENT_STATE_DURABLE || fault_planted("gateway.ack_failed_delivery"))
        finish_done(job, results, count);
    else if (worst == EVENT_STATE_TOO_LARGE && is_cuttable(job))
        send_cut(job);
    else
        finish(job, INTAKE_UNAVAILABLE, "");
}

static void send_raw(struct job *job, enum raw_reason reason)
{
    struct ingest *ingest = job->ingest;
    struct raw_update raw = {
        .bot_id = ingest->options.bot_id,
        .update_id = job->update_id,
        .received_at_ms = job->received_at_ms,
        .reason = reason,
        .body = job->body,
        .trace = &job->trace,
    };
    if (reason == RAW_TOO_LARGE && raw.body.len > RAW_CUT_BYTES)
        raw.body.len = RAW_CUT_BYTES;
    job->raw_reason = reason;
    metric_add(&raw_updates[reason], 1);
    if (reason == RAW_UNPARSABLE && fault_planted("gateway.drop_unparsable")) {
        finish(job, INTAKE_DONE, "");
        return;
    }
    struct outbox_batch batch = {
        .points = &POINTS,
        .load = &ingest->in_hand,
        .done = on_sent,
        .arg = job,
    };
    outbox_send_raw(ingest->outbox, &raw, &batch);
}

static void send_events(struct job *job, struct translation *translation)
{
    for (size_t i = 0; i < translation->event_count; i++) {
        if (fault_planted("gateway.fresh_event_id"))
            random_fill(translation->events[i].id, EVENT_ID_LEN);
        if (fault_planted("gateway.clock_for_date"))
            translation->events[i].occurred_at_ms = job->received_at_ms;
    }
    if (fault_planted("gateway.ack_before_delivery"))
        answer(job, INTAKE_DONE, "");
    struct outbox_batch batch = {
        .events = translation->events,
        .count = translation->event_count,
        .is_sequence = job->ingest->options.is_sequence,
        .trace = &job->trace,
        .points = &POINTS,
        .load = &job->ingest->in_hand,
        .done = on_sent,
        .arg = job,
    };
    outbox_send(job->ingest->outbox, &batch);
}

static void refuse_busy(const struct ingest *ingest, const struct trace *trace)
{
    char id[TRACE_ID_LEN + 1];
    trace_id(trace, id);
    metric_add(&answered[INTAKE_BUSY], 1);
    log_refusal(&refusals[IN_FLIGHT_FULL],
                LOG_INT("in_flight", (int64_t)outbox_in_flight(ingest->outbox)),
                LOG_INT("in_flight_bytes", (int64_t)outbox_in_flight_bytes(ingest->outbox)),
                LOG_TEXT("trace_id", id));
}

static void tell_unreadable(const struct job *job, enum raw_reason reason)
{
    if (reason == RAW_UNPARSABLE || reason == RAW_TOO_DEEP)
        tell(job, reason == RAW_UNPARSABLE ? UNPARSABLE : TOO_DEEP);
}

static void submit(void *self, struct bytes body, const struct trace *trace, update_done_fn fn,
                   void *arg)
{
    struct ingest *ingest = self;
    fault_point("gateway.received", (int64_t)ingest->in_hand);
    if (!outbox_admit(ingest->outbox, 1, body.len)) {
        refuse_busy(ingest, trace);
        fn(arg, INTAKE_BUSY, "");
        return;
    }
    struct job *job = mem_alloc(sizeof(*job));
    *job = (struct job){.ingest = ingest, .body = body, .fn = fn, .arg = arg, .trace = *trace};
    job->received_at_ms = now_unix_ms();
    job->give_up_ms = now_monotonic_ms() + ingest->options.deadline_ms;
    ingest->in_hand++;
    add_unanswered(job);

    struct translation translation;
    struct translate_context context = {
        .bot_id = ingest->options.bot_id,
        .received_at_ms = job->received_at_ms,
        .producer = bytes_of_text(ingest->options.producer),
    };
    translate(body, &context, &translation);
    fault_point("gateway.translated", (int64_t)ingest->in_hand);
    metric_add(&received[translation.kind], 1);
    job->update_id = translation.update_id;
    if (translation.outcome == TRANSLATE_RAW) {
        tell_unreadable(job, translation.raw_reason);
        send_raw(job, translation.raw_reason);
    } else {
        send_events(job, &translation);
    }
    translation_done(&translation);
}

static void release(void *self, size_t bytes)
{
    struct ingest *ingest = self;
    outbox_release(ingest->outbox, 1, bytes);
    ingest->in_hand--;
}

struct ingest *ingest_new(struct outbox *outbox, const struct ingest_options *options)
{
    struct ingest *ingest = mem_alloc(sizeof(*ingest));
    ingest->outbox = outbox;
    ingest->options = *options;
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    free(ingest);
}

struct update_intake ingest_port(struct ingest *ingest)
{
    return (struct update_intake){.submit = submit, .release = release, .self = ingest};
}

void ingest_sweep(struct ingest *ingest, int64_t now_ms)
{
    while (ingest->first != NULL && ingest->first->give_up_ms <= now_ms)
        answer(ingest->first, INTAKE_UNAVAILABLE, "");
}
