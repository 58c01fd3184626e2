#include "services/gateway/poller.h"

#include "libs/base/backoff.h"
#include "libs/base/buf.h"
#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "libs/base/random.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"
#include "services/gateway/bot_answer.h"
#include "services/gateway/poller_alarm.h"
#include "services/gateway/translate.h"
#include "services/gateway/updates_answer.h"
#include "services/gateway/webhook_info.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMETERS_MAX 2048
#define CALL_SLACK_MS 10000   /* beyond the time that Telegram was given */
#define CONFLICT_MS 3000      /* Telegram spaces its answers to the other one as far */
#define CONFLICT_MORE_MS 2000 /* at random, so that two of us come apart */
#define BLOCKED_MS 30000      /* until a webhook or a token is looked at again */
#define EMPTY_MIN_MS 500      /* an empty answer that came sooner is not held back: do not spin */
#define SECOND_MS 1000
#define US_PER_MS 1000
#define WAIT_S_MAX 86400

enum poller_state {
    POLLER_STANDBY, /* no lease */
    POLLER_LOOKING, /* is a webhook set? */
    POLLER_ASKING,  /* getUpdates is on its way */
    POLLER_STORING, /* updates are being made durable */
    POLLER_WAITING, /* until wait_until_ms, then `next` */
    POLLER_STOPPED,
};

struct in_hand {
    struct poller *poller;
    int64_t id;
    size_t bytes;
    bool is_answered;
    bool is_durable;
};

struct poller {
    struct poller_options options;
    struct bot_line bot;
    struct update_intake intake;
    enum poller_state state;
    enum poller_state next;
    int64_t wait_until_ms;
    int64_t asked_ms;
    int64_t offset; /* 0: whatever Telegram has first */
    bool is_leader;
    bool is_stopping;
    bool is_calling;
    bool has_answer; /* `answer` is to be looked at by the next step */
    enum poller_alarm alarm;
    struct backoff backoff;
    struct buf answer;
    struct in_hand updates[UPDATES_ANSWER_MAX];
    size_t count;
    size_t unanswered;
};

#define ANSWER_BYTES_MAX (64 << 20) /* 100 updates of Telegram's 512 KiB */

static struct metric_series polls[] = {
    [BOT_DONE] = {.labels = "outcome=\"done\""},
    [BOT_TROUBLE] = {.labels = "outcome=\"trouble\""},
    [BOT_WAIT] = {.labels = "outcome=\"wait\""},
    [BOT_CONFLICT] = {.labels = "outcome=\"conflict\""},
    [BOT_NO_ACCESS] = {.labels = "outcome=\"no_access\""},
};
static struct metric polls_metric = {
    .name = "polls_total",
    .help = "Answers to getUpdates, by outcome.",
    .kind = METRIC_COUNTER,
    .series = polls,
    .count = sizeof(polls) / sizeof(*polls),
};
static struct metric_series poll_duration[] = {{.labels = ""}};
static struct metric poll_duration_metric = {
    .name = "poll_duration_seconds",
    .help = "From asking getUpdates to its answer, which Telegram holds back until there is an "
            "update.",
    .kind = METRIC_HISTOGRAM,
    .series = poll_duration,
    .count = 1,
    .first_bound = 16000,
};
static struct metric_series leading[] = {{.labels = ""}};
static struct metric leading_metric = {
    .name = "poller_leading",
    .help = "1: this process has the lease and asks Telegram for updates.",
    .kind = METRIC_GAUGE,
    .series = leading,
    .count = 1,
};

/* The waits between them bound their lines. */
#define NO_UPDATES "Telegram gives no updates, asking again later"
static struct refusal asked_to_wait = {.code = "retry_after", .msg = NO_UPDATES, .is_each = true};
static struct refusal no_answer = {.code = "no_answer", .msg = NO_UPDATES, .is_each = true};

void poller_add_metrics(void)
{
    metrics_add(&polls_metric);
    metrics_add(&poll_duration_metric);
    metrics_add(&leading_metric);
    poller_alarm_add_metrics();
    refusals_add("telegram", &asked_to_wait, 1);
    refusals_add("telegram", &no_answer, 1);
}

struct poller *poller_new(const struct poller_options *options, const struct bot_line *bot,
                          const struct update_intake *intake)
{
    struct poller *poller = mem_alloc(sizeof(*poller));
    poller->options = *options;
    poller->bot = *bot;
    poller->intake = *intake;
    poller->backoff = (struct backoff){.first_ms = 200, .max_ms = 30000};
    buf_init(&poller->answer, ANSWER_BYTES_MAX);
    return poller;
}

void poller_free(struct poller *poller)
{
    if (poller == NULL)
        return;
    assert(poller->unanswered == 0);
    buf_done(&poller->answer);
    free(poller);
}

static void wait_then(struct poller *poller, int64_t until_ms, enum poller_state next)
{
    poller->state = POLLER_WAITING;
    poller->wait_until_ms = until_ms;
    poller->next = next;
}

/* ---- asking ---- */

static void on_answer(void *arg, struct bytes body)
{
    struct poller *poller = arg;
    poller->is_calling = false;
    poller->has_answer = true;
    buf_clear(&poller->answer);
    if (body.data != NULL && !buf_append(&poller->answer, body.data, body.len))
        buf_clear(&poller->answer); /* longer than any answer: as if it had not come */
}

static void call(struct poller *poller, const char *method, const char *json, int64_t timeout_ms)
{
    poller->is_calling = true;
    poller->has_answer = false;
    struct bot_question question = {method, json, timeout_ms};
    poller->bot.call(poller->bot.self, &question, on_answer, poller);
}

static void look(struct poller *poller)
{
    poller->state = POLLER_LOOKING;
    call(poller, "getWebhookInfo", "{}", CALL_SLACK_MS);
}

static void ask(struct poller *poller, int64_t now_ms)
{
    struct buf json;
    buf_init(&json, PARAMETERS_MAX);
    bool fits = buf_appendf(&json, "{\"offset\":%lld,\"limit\":%d,\"timeout\":%lld",
                            (long long)poller->offset, UPDATES_ANSWER_MAX,
                            (long long)poller->options.poll_s);
    for (int kind = UPDATE_OTHER + 1; fits && kind < UPDATE_KINDS; kind++)
        fits = buf_appendf(&json, "%s\"%s\"",
                           kind == UPDATE_OTHER + 1 ? ",\"allowed_updates\":[" : ",",
                           update_kind_name((enum update_kind)kind));
    if (!fits || !buf_append(&json, "]}", sizeof("]}")))
        mem_exhausted();
    poller->state = POLLER_ASKING;
    poller->asked_ms = now_ms;
    call(poller, "getUpdates", json.data, poller->options.poll_s * SECOND_MS + CALL_SLACK_MS);
    buf_done(&json);
}

/* ---- answers that bring nothing ---- */

static void meet_refusal(struct poller *poller, enum bot_verdict verdict, int64_t wait_s,
                         int64_t now_ms)
{
    int64_t wait_ms = backoff_next(&poller->backoff, random_u32());
    switch (verdict) {
    case BOT_NO_ACCESS:
        poller_alarm_change(&poller->alarm, POLLER_ALARM_TOKEN);
        wait_then(poller, now_ms + BLOCKED_MS, POLLER_LOOKING);
        return;
    case BOT_CONFLICT:
        poller_alarm_change(&poller->alarm, POLLER_ALARM_CONFLICT);
        wait_then(poller, now_ms + CONFLICT_MS + random_u32() % CONFLICT_MORE_MS, POLLER_LOOKING);
        return;
    case BOT_WAIT:
        if (wait_s > 0)
            wait_ms = (wait_s < WAIT_S_MAX ? wait_s : WAIT_S_MAX) * SECOND_MS;
        break;
    case BOT_TROUBLE:
    case BOT_DONE:
        break;
    }
    if (poller->answer.len > 0) /* else the client has told why no answer came */
        log_refusal(verdict == BOT_WAIT ? &asked_to_wait : &no_answer, LOG_INT("wait_ms", wait_ms));
    wait_then(poller, now_ms + wait_ms, poller->state);
}

static void meet_webhook_info(struct poller *poller, int64_t now_ms)
{
    int64_t wait_s = 0;
    enum bot_verdict verdict = bot_verdict_read(buf_bytes(&poller->answer), &wait_s);
    yyjson_doc *document = NULL;
    yyjson_val *result = NULL;
    struct webhook_info info = {0};
    struct err err;
    bool is_read = verdict == BOT_DONE &&
                   bot_answer_read(buf_bytes(&poller->answer), &document, &result, &err) &&
                   webhook_info_read(result, &info, &err);
    bool is_set = info.url.len > 0;
    yyjson_doc_free(document);
    if (!is_read) {
        meet_refusal(poller, verdict == BOT_DONE ? BOT_TROUBLE : verdict, wait_s, now_ms);
        return;
    }
    if (is_set) {
        poller_alarm_change(&poller->alarm, POLLER_ALARM_WEBHOOK);
        wait_then(poller, now_ms + BLOCKED_MS, POLLER_LOOKING);
        return;
    }
    ask(poller, now_ms);
}

/* ---- updates ---- */

static void on_update_done(void *arg, enum intake_outcome outcome, const char *position)
{
    struct in_hand *update = arg;
    (void)position;
    assert(!update->is_answered);
    update->is_answered = true;
    update->is_durable = outcome == INTAKE_DONE;
    update->poller->unanswered--;
    if (outcome != INTAKE_BUSY)
        update->poller->intake.release(update->poller->intake.self, update->bytes);
}

/* In the list's order, and no further than to one that fails at once: what is handed in after it
 * could overtake it. */
static void hand_in(struct poller *poller, const struct updates_answer *answer)
{
    poller->state = POLLER_STORING;
    poller->count = 0;
    bool goes_on = true;
    for (size_t i = 0; i < answer->count && goes_on; i++) {
        const struct polled_update *polled = &answer->updates[i];
        struct in_hand *update = &poller->updates[poller->count++];
        *update = (struct in_hand){.poller = poller, .id = polled->id, .bytes = polled->body.len};
        poller->unanswered++;
        struct trace trace;
        trace_begin(&trace);
        poller->intake.submit(poller->intake.self, polled->body, &trace, on_update_done, update);
        goes_on = !update->is_answered || update->is_durable;
    }
}

static void meet_updates(struct poller *poller, int64_t now_ms)
{
    struct updates_answer answer;
    updates_answer_read(buf_bytes(&poller->answer), &answer);
    metric_add(&polls[answer.verdict], 1);
    metric_observe(&poll_duration_metric, &poll_duration[0],
                   (now_ms - poller->asked_ms) * US_PER_MS);
    if (answer.verdict != BOT_DONE) {
        meet_refusal(poller, answer.verdict, answer.wait_s, now_ms);
        return;
    }
    poller_alarm_change(&poller->alarm, POLLER_ALARM_NONE);
    if (answer.count == 0) {
        backoff_reset(&poller->backoff);
        int64_t soonest_ms = poller->asked_ms + EMPTY_MIN_MS;
        wait_then(poller, soonest_ms > now_ms ? soonest_ms : now_ms, POLLER_ASKING);
        return;
    }
    fault_point("gateway.polled", (int64_t)answer.count);
    hand_in(poller, &answer);
}

/* All updates in hand have their outcome. */
static void confirm(struct poller *poller, int64_t now_ms)
{
    size_t durable = 0;
    while (durable < poller->count && poller->updates[durable].is_durable)
        durable++;
    if (fault_planted("gateway.confirm_all_polled"))
        durable = poller->count;
    if (durable > 0)
        poller->offset = poller->updates[durable - 1].id + 1;
    bool is_whole = durable == poller->count;
    poller->count = 0;
    fault_point("gateway.before_confirm", (int64_t)durable);
    if (is_whole)
        backoff_reset(&poller->backoff);
    wait_then(poller, is_whole ? now_ms : now_ms + backoff_next(&poller->backoff, random_u32()),
              POLLER_ASKING);
}

/* ---- the machine ---- */

static void give_up_call(struct poller *poller)
{
    if (poller->is_calling)
        poller->bot.cancel(poller->bot.self);
    poller->is_calling = false;
    poller->has_answer = false;
}

/* With the lease gone, or for good: updates in hand are finished first. */
static void stand_by(struct poller *poller)
{
    give_up_call(poller);
    poller->offset = 0; /* whoever comes after us confirms */
    poller->state = poller->is_stopping ? POLLER_STOPPED : POLLER_STANDBY;
    poller_alarm_forget(&poller->alarm);
}

void poller_lead(struct poller *poller, bool is_leader)
{
    poller->is_leader = is_leader;
    metric_set(&leading[0], is_leader ? 1 : 0);
}

void poller_stop(struct poller *poller)
{
    poller->is_stopping = true;
}

static void step_waiting(struct poller *poller, int64_t now_ms)
{
    if (now_ms < poller->wait_until_ms)
        return;
    if (poller->next == POLLER_LOOKING)
        look(poller);
    else
        ask(poller, now_ms);
}

static void step_calling(struct poller *poller, int64_t now_ms)
{
    if (!poller->has_answer)
        return;
    poller->has_answer = false;
    if (poller->state == POLLER_LOOKING)
        meet_webhook_info(poller, now_ms);
    else
        meet_updates(poller, now_ms);
}

void poller_step(struct poller *poller, int64_t now_ms)
{
    if (poller->state == POLLER_STORING && poller->unanswered == 0)
        confirm(poller, now_ms);
    bool may_ask = poller->is_leader && !poller->is_stopping;
    if (!may_ask && poller->state != POLLER_STORING)
        stand_by(poller);
    switch (poller->state) {
    case POLLER_STANDBY:
        if (may_ask)
            look(poller);
        break;
    case POLLER_LOOKING:
    case POLLER_ASKING:
        step_calling(poller, now_ms);
        break;
    case POLLER_WAITING:
        step_waiting(poller, now_ms);
        break;
    case POLLER_STORING:
    case POLLER_STOPPED:
        break;
    }
}

int64_t poller_next_ms(const struct poller *poller)
{
    return poller->state == POLLER_WAITING ? poller->wait_until_ms : INT64_MAX;
}

bool poller_is_idle(const struct poller *poller)
{
    return poller->unanswered == 0 && !poller->is_calling &&
           (poller->state == POLLER_STOPPED || poller->state == POLLER_STANDBY);
}

bool poller_check(const struct poller *poller, struct err *err)
{
    return poller->alarm == POLLER_ALARM_NONE ||
           err_set(err, ERR_RETRY, "%s", poller_alarm_text(poller->alarm));
}
