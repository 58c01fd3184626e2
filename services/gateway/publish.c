#include "services/gateway/publish.h"

#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_KIND EVENT_USER_SEEN
#define KINDS (EVENT_KIND_MAX - FIRST_KIND + 1)
#define OUTCOMES 2 /* durable or not */

struct publish {
    struct outbox *outbox;
    size_t in_hand; /* events without an answer */
};

/* A batch that is not answered yet. Outlives the call it came from. */
struct job {
    struct publish *publish;
    size_t bytes;
    events_done_fn fn;
    char trace_id[TRACE_ID_LEN + 1];
    void *arg;
    enum event_kind kinds[]; /* of its events */
};

static const struct outbox_points POINTS = {
    .before_produce = "publish.before_produce",
    .after_produce = "publish.after_produce",
    .delivered = "publish.delivered",
};

static struct metric_series published[KINDS * OUTCOMES];
static char published_labels[KINDS * OUTCOMES][80];
static struct metric published_metric = {
    .name = "publish_events_total",
    .help = "Events handed over by Publish, by kind and by whether they are known to be durable.",
    .kind = METRIC_COUNTER,
    .series = published,
    .count = KINDS * OUTCOMES,
};

enum { NOT_ACKNOWLEDGED, IN_FLIGHT_FULL, REFUSALS };

static struct refusal refusals[REFUSALS] = {
    [NOT_ACKNOWLEDGED] = {.code = "not_acknowledged",
                          .msg = "published events not acknowledged by Kafka, told the publisher"},
    [IN_FLIGHT_FULL] = {.code = "in_flight_full",
                        .msg = "too much is in flight, told a publisher to try again later"},
};

void publish_add_metrics(void)
{
    for (size_t i = 0; i < KINDS * OUTCOMES; i++) {
        (void)snprintf(published_labels[i], sizeof(published_labels[i]),
                       "kind=\"%s\",outcome=\"%s\"",
                       event_kind_name((enum event_kind)(FIRST_KIND + i / OUTCOMES)),
                       i % OUTCOMES == 0 ? "durable" : "failed");
        published[i].labels = published_labels[i];
    }
    metrics_add(&published_metric);
    refusals_add("publish", refusals, REFUSALS);
}

static void on_sent(void *arg, const struct event_result *results, size_t count)
{
    struct job *job = arg;
    struct publish *publish = job->publish;
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_durable = results[i].state == EVENT_STATE_DURABLE;
        failed += is_durable ? 0 : 1;
        metric_add(&published[(job->kinds[i] - FIRST_KIND) * OUTCOMES + (is_durable ? 0 : 1)], 1);
    }
    if (failed > 0)
        log_refusal(&refusals[NOT_ACKNOWLEDGED], LOG_INT("failed", (int64_t)failed),
                    LOG_INT("events", (int64_t)count), LOG_TEXT("trace_id", job->trace_id));
    outbox_release(publish->outbox, count, job->bytes);
    publish->in_hand -= count;
    job->fn(job->arg, failed == count ? INTAKE_UNAVAILABLE : INTAKE_DONE, results);
    fault_point("publish.answered", (int64_t)publish->in_hand);
    free(job);
}

static void refuse_busy(const struct publish *publish, const struct events_request *request)
{
    char id[TRACE_ID_LEN + 1];
    trace_id(request->trace, id);
    log_refusal(&refusals[IN_FLIGHT_FULL], LOG_INT("events", (int64_t)request->count),
                LOG_INT("in_flight", (int64_t)outbox_in_flight(publish->outbox)),
                LOG_INT("in_flight_bytes", (int64_t)outbox_in_flight_bytes(publish->outbox)),
                LOG_TEXT("trace_id", id));
}

static void submit(void *self, const struct events_request *request, events_done_fn fn, void *arg)
{
    struct publish *publish = self;
    fault_point("publish.received", (int64_t)publish->in_hand);
    if (!outbox_admit(publish->outbox, request->count, request->bytes)) {
        refuse_busy(publish, request);
        fn(arg, INTAKE_BUSY, NULL);
        return;
    }
    publish->in_hand += request->count;
    struct job *job = mem_alloc(sizeof(*job) + request->count * sizeof(job->kinds[0]));
    *job = (struct job){.publish = publish, .bytes = request->bytes, .fn = fn, .arg = arg};
    trace_id(request->trace, job->trace_id);
    for (size_t i = 0; i < request->count; i++)
        job->kinds[i] = request->events[i].kind;

    struct outbox_batch batch = {
        .events = request->events,
        .count = request->count,
        .trace = request->trace,
        .points = &POINTS,
        .load = &publish->in_hand,
        .done = on_sent,
        .arg = job,
    };
    outbox_send(publish->outbox, &batch);
}

struct publish *publish_new(struct outbox *outbox)
{
    struct publish *publish = mem_alloc(sizeof(*publish));
    publish->outbox = outbox;
    return publish;
}

void publish_free(struct publish *publish)
{
    free(publish);
}

struct event_intake publish_port(struct publish *publish)
{
    return (struct event_intake){.submit = submit, .self = publish};
}
