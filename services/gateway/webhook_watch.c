#include "services/gateway/webhook_watch.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"
#include "services/gateway/bot_answer.h"
#include "services/gateway/webhook_info.h"

#include <stdlib.h>

#define CALL_MS 10000

enum verdict { UNKNOWN, OURS, NOT_SET, FOREIGN };

struct webhook_watch {
    char *url;
    int64_t period_ms;
    struct bot_line bot;
    int64_t look_at_ms;
    bool is_calling;
    bool is_stopped;
    enum verdict verdict;
    int64_t last_error_at;
};

static struct metric_series pending[] = {{.labels = ""}};
static struct metric pending_metric = {
    .name = "webhook_pending_updates",
    .help = "Updates that wait at Telegram, as of the last look.",
    .kind = METRIC_GAUGE,
    .series = pending,
    .count = 1,
};
static struct metric_series last_error[] = {{.labels = ""}};
static struct metric last_error_metric = {
    .name = "webhook_last_error_timestamp_seconds",
    .help = "When Telegram last failed to deliver an update; 0: never.",
    .kind = METRIC_GAUGE,
    .series = last_error,
    .count = 1,
};
static struct metric_series foreign[] = {{.labels = ""}};
static struct metric foreign_metric = {
    .name = "webhook_foreign",
    .help = "1: the bot's webhook is not set, or not to this gateway's address.",
    .kind = METRIC_GAUGE,
    .series = foreign,
    .count = 1,
};

enum { DELIVERY_FAILED, WEBHOOK_NOT_SET, WEBHOOK_FOREIGN, INFO_UNREADABLE, REFUSALS };

#define NOT_OURS "the bot's webhook is not this gateway"
static struct refusal refusals[REFUSALS] = {
    [DELIVERY_FAILED] = {.code = "webhook_error", .msg = "Telegram could not deliver an update"},
    [WEBHOOK_NOT_SET] = {.code = "webhook_not_set", .msg = NOT_OURS, .is_alarm = true},
    [WEBHOOK_FOREIGN] = {.code = "webhook_foreign", .msg = NOT_OURS, .is_alarm = true},
    [INFO_UNREADABLE] = {.code = "webhook_unreadable", .msg = "the webhook cannot be looked at"},
};

void webhook_watch_add_metrics(void)
{
    refusals_add("telegram", refusals, REFUSALS);
    metrics_add(&pending_metric);
    metrics_add(&last_error_metric);
    metrics_add(&foreign_metric);
}

struct webhook_watch *webhook_watch_new(const char *url, int64_t period_ms,
                                        const struct bot_line *bot)
{
    struct webhook_watch *watch = mem_alloc(sizeof(*watch));
    watch->url = mem_text(url, strlen(url));
    watch->period_ms = period_ms;
    watch->bot = *bot;
    return watch;
}

void webhook_watch_free(struct webhook_watch *watch)
{
    if (watch == NULL)
        return;
    free(watch->url);
    free(watch);
}

static enum verdict judge(const struct webhook_watch *watch, struct bytes url)
{
    if (url.len == 0)
        return NOT_SET;
    return watch->url[0] == '\0' || bytes_equal(url, bytes_of_text(watch->url)) ? OURS : FOREIGN;
}

static void note(struct webhook_watch *watch, const struct webhook_info *info)
{
    enum verdict verdict = judge(watch, info->url);
    metric_set(&pending[0], info->pending);
    metric_set(&last_error[0], info->last_error_at);
    metric_set(&foreign[0], verdict == OURS ? 0 : 1);
    if (info->last_error_at > watch->last_error_at)
        log_refusal(&refusals[DELIVERY_FAILED], LOG_INT("at", info->last_error_at),
                    LOG_INT("pending", info->pending));
    watch->last_error_at = info->last_error_at;
    if (verdict == watch->verdict)
        return;
    watch->verdict = verdict;
    if (verdict == OURS)
        log_info("the webhook is as it must be");
    else if (verdict == NOT_SET)
        log_refusal(&refusals[WEBHOOK_NOT_SET],
                    LOG_TEXT("why", "none is set; run `telefact-gateway webhook set`"));
    else
        log_refusal(&refusals[WEBHOOK_FOREIGN],
                    LOG_TEXT("why", "somebody set another address; run `telefact-gateway webhook "
                                    "info`, then `webhook set`"));
}

static void on_answer(void *arg, struct bytes body)
{
    struct webhook_watch *watch = arg;
    yyjson_doc *document = NULL;
    yyjson_val *result = NULL;
    struct webhook_info info;
    struct err err;
    watch->is_calling = false;
    if (body.data == NULL)
        return;
    if (bot_answer_read(body, &document, &result, &err) && webhook_info_read(result, &info, &err))
        note(watch, &info);
    else
        log_refusal(&refusals[INFO_UNREADABLE], LOG_TEXT("error", err.text));
    yyjson_doc_free(document);
}

void webhook_watch_step(struct webhook_watch *watch, int64_t now_ms)
{
    if (watch->is_stopped || watch->is_calling || now_ms < watch->look_at_ms)
        return;
    watch->look_at_ms = now_ms + watch->period_ms;
    watch->is_calling = true;
    struct bot_question question = {"getWebhookInfo", "{}", CALL_MS};
    watch->bot.call(watch->bot.self, &question, on_answer, watch);
}

void webhook_watch_stop(struct webhook_watch *watch)
{
    watch->is_stopped = true;
    if (watch->is_calling)
        watch->bot.cancel(watch->bot.self);
    watch->is_calling = false;
}
