#include "services/gateway/app_polling.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/gateway/kafka/poll_lease.h"
#include "services/gateway/poller.h"
#include "services/gateway/telegram/bot_client.h"
#include "services/gateway/webhook_watch.h"

#include <stdlib.h>

#define TICK_MS 10 /* nothing tells of the last update's outcome; a list takes longer than that */
#define SLOW_TICK_MS 250
#define SECOND_MS 1000

struct polling {
    struct polling_host host;
    struct loop_timer *tick;
    struct bot_client *client;
    struct poller *poller;       /* NULL: not mode polling */
    struct poll_lease *lease;    /* as poller; NULL: given away */
    unsigned reloads;            /* of the producer's certificates, when the lease was opened */
    struct webhook_watch *watch; /* NULL: not mode webhook */
};

static bool watches(const struct settings *settings)
{
    return gateway_takes_webhook(settings) && settings->bot_token[0] != '\0' &&
           settings->webhook_check_s > 0;
}

void polling_add_metrics(const struct settings *settings)
{
    if (gateway_polls(settings) || watches(settings))
        bot_client_add_metrics();
    if (gateway_polls(settings))
        poller_add_metrics();
    if (watches(settings))
        webhook_watch_add_metrics();
}

static void on_lease(void *self, bool is_leader)
{
    struct polling *polling = self;
    poller_lead(polling->poller, is_leader);
    poller_step(polling->poller, now_monotonic_ms());
}

static bool open_lease(struct polling *polling, struct poll_lease **out, struct err *err)
{
    struct poll_lease_host lease = {
        .loop = polling->host.loop,
        .background = polling->host.background,
        .options = polling->host.kafka,
        .changed = on_lease,
        .self = polling,
    };
    return poll_lease_open(&lease, out, err);
}

/* Changed certificates are in use: ask for the lease with a new client, which reads them too. */
static void renew_lease(struct polling *polling)
{
    struct poll_lease *next = NULL;
    struct err err;
    polling->reloads = producer_reloads(polling->host.producer);
    if (!open_lease(polling, &next, &err)) {
        log_error("poll lease cannot be renewed, going on with the old one",
                  LOG_TEXT("error", err.text));
        return;
    }
    on_lease(polling, false); /* before another one may have it */
    poll_lease_close(polling->lease);
    polling->lease = next;
}

static void on_tick(void *self)
{
    struct polling *polling = self;
    int64_t now_ms = now_monotonic_ms();
    loop_timer_arm(polling->tick, polling->poller != NULL ? TICK_MS : SLOW_TICK_MS);
    if (polling->lease != NULL && polling->reloads != producer_reloads(polling->host.producer))
        renew_lease(polling);
    if (polling->poller != NULL)
        poller_step(polling->poller, now_ms);
    if (polling->watch != NULL)
        webhook_watch_step(polling->watch, now_ms);
}

static bool open_poller(struct polling *polling, const struct bot_line *line, struct err *err)
{
    struct poller_options options = {.poll_s = polling->host.settings->poll_timeout_s};
    polling->poller = poller_new(&options, line, polling->host.intake);
    return open_lease(polling, &polling->lease, err);
}

bool polling_open(const struct polling_host *host, struct polling **out, struct err *err)
{
    const struct settings *settings = host->settings;
    bool polls = gateway_polls(settings);
    *out = NULL;
    if (!polls && !watches(settings))
        return true;
    struct bot_client_target target = {settings->api_base_url, settings->bot_token};
    struct bot_client *client = NULL;
    if (!bot_client_open(host->loop, &target, &client, err))
        return false;
    struct polling *polling = mem_alloc(sizeof(*polling));
    struct bot_line line = bot_client_line(client);
    polling->host = *host;
    polling->reloads = producer_reloads(host->producer);
    polling->client = client;
    polling->tick = loop_timer_new(host->loop, on_tick, polling);
    if (!polls)
        polling->watch =
            webhook_watch_new(settings->webhook_url, settings->webhook_check_s * SECOND_MS, &line);
    else if (!open_poller(polling, &line, err)) {
        polling_free(polling);
        return false;
    }
    loop_timer_arm(polling->tick, 0);
    *out = polling;
    return true;
}

void polling_drain(struct polling *polling)
{
    if (polling == NULL)
        return;
    if (polling->watch != NULL)
        webhook_watch_stop(polling->watch);
    if (polling->poller == NULL)
        return;
    poller_stop(polling->poller);
    poller_step(polling->poller, now_monotonic_ms());
    poll_lease_close(polling->lease);
    polling->lease = NULL;
}

bool polling_is_idle(const struct polling *polling)
{
    return polling == NULL || polling->poller == NULL || poller_is_idle(polling->poller);
}

bool polling_check(const struct polling *polling, struct err *err)
{
    return polling == NULL || polling->poller == NULL || poller_check(polling->poller, err);
}

void polling_free(struct polling *polling)
{
    if (polling == NULL)
        return;
    loop_timer_free(polling->tick);
    poller_free(polling->poller);
    webhook_watch_free(polling->watch);
    bot_client_free(polling->client);
    free(polling);
}
