#include "services/gateway/poller_alarm.h"

#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"

static struct metric_series alarms[POLLER_ALARMS] = {
    [POLLER_ALARM_WEBHOOK] = {.labels = "reason=\"webhook_set\""},
    [POLLER_ALARM_TOKEN] = {.labels = "reason=\"no_access\""},
    [POLLER_ALARM_CONFLICT] = {.labels = "reason=\"conflict\""},
};
static struct metric alarms_metric = {
    .name = "poller_alarm",
    .help = "1: no updates come in, for this reason.",
    .kind = METRIC_GAUGE,
    .series = alarms + 1,
    .count = POLLER_ALARMS - 1,
};

#define MSG "polling does not work"
static struct refusal refusals[POLLER_ALARMS] = {
    [POLLER_ALARM_WEBHOOK] = {.code = "webhook_set", .msg = MSG, .is_alarm = true, .is_each = true},
    [POLLER_ALARM_TOKEN] = {.code = "no_access", .msg = MSG, .is_alarm = true, .is_each = true},
    [POLLER_ALARM_CONFLICT] = {.code = "conflict", .msg = MSG, .is_alarm = true, .is_each = true},
};
static const char *const TEXTS[POLLER_ALARMS] = {
    [POLLER_ALARM_WEBHOOK] = "a webhook is set, so Telegram gives no updates to a poller; run "
                             "`telefact-gateway webhook delete`, or set GATEWAY_MODE=webhook",
    [POLLER_ALARM_TOKEN] = "Telegram does not know GATEWAY_BOT_TOKEN; give the bot's present token",
    [POLLER_ALARM_CONFLICT] = "somebody else asks for this bot's updates; end the other program",
};

void poller_alarm_add_metrics(void)
{
    metrics_add(&alarms_metric);
    refusals_add("telegram", refusals, POLLER_ALARMS);
}

static void show(enum poller_alarm alarm)
{
    for (int i = POLLER_ALARM_NONE + 1; i < POLLER_ALARMS; i++)
        metric_set(&alarms[i], i == (int)alarm ? 1 : 0);
}

void poller_alarm_change(enum poller_alarm *alarm, enum poller_alarm now)
{
    if (*alarm == now)
        return;
    if (now != POLLER_ALARM_NONE)
        log_refusal(&refusals[now], LOG_TEXT("why", TEXTS[now]));
    else
        log_info("polling works again");
    *alarm = now;
    show(now);
}

void poller_alarm_forget(enum poller_alarm *alarm)
{
    *alarm = POLLER_ALARM_NONE;
    show(POLLER_ALARM_NONE);
}

const char *poller_alarm_text(enum poller_alarm alarm)
{
    return TEXTS[alarm];
}
