#include "services/gateway/kafka/topic_watch.h"

#include "libs/base/backoff.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/random.h"
#include "libs/ops/metrics.h"
#include "services/gateway/kafka/topics.h"

#include <stdlib.h>
#include <string.h>

#define RECHECK_MS 1000 /* of topics that are gone or wrong */

struct topic_watch {
    struct topic_watch_host host;
    struct loop_timer *timer;
    struct backoff backoff;
    bool is_asking;
    bool is_in_trouble; /* Kafka cannot be asked, and it was said */
    bool is_wrong;
    bool is_stopped;
    struct topics_findings known; /* logged */
    /* Of the check on the background thread; the loop looks at them when it is done. */
    struct topics_findings findings;
    struct err err;
    bool has_passed;
};

static struct metric_series wrong[] = {{.labels = ""}};
static struct metric wrong_metric = {
    .name = "topics_wrong",
    .help = "1: a topic is missing or not as it must be, so nothing is taken.",
    .kind = METRIC_GAUGE,
    .series = wrong,
    .count = 1,
};

void topic_watch_add_metrics(void)
{
    metrics_add(&wrong_metric);
}

static void log_lines(enum log_level level, const char *msg, char *lines)
{
    char *rest = lines;
    for (char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
        *end = '\0';
        LOG_AT(level, msg, LOG_TEXT("finding", rest));
        rest = end + 1;
    }
}

static void log_news(enum log_level level, const char *msg, char *lines, char *known)
{
    if (strcmp(lines, known) == 0)
        return;
    memcpy(known, lines, strlen(lines) + 1);
    log_lines(level, msg, lines);
}

static void check(void *arg) /* on a background thread */
{
    struct topic_watch *watch = arg;
    watch->has_passed = topics_check(watch->host.options, &watch->findings, &watch->err);
}

static void on_checked(void *arg)
{
    struct topic_watch *watch = arg;
    if (watch->is_stopped)
        return;
    if (!watch->has_passed && watch->err.kind == ERR_RETRY) {
        if (!watch->is_in_trouble)
            log_warn("topics cannot be checked yet, trying again",
                     LOG_TEXT("error", watch->err.text));
        watch->is_in_trouble = true;
        loop_timer_arm(watch->timer, backoff_next(&watch->backoff, random_u32()));
        return;
    }
    log_news(LOG_LEVEL_WARN, "topic is unwise", watch->findings.advice, watch->known.advice);
    log_news(LOG_LEVEL_ERROR, "topic is wrong", watch->findings.report, watch->known.report);
    backoff_reset(&watch->backoff);
    watch->is_in_trouble = false;
    watch->is_asking = false;
    watch->is_wrong = !watch->has_passed;
    metric_set(&wrong[0], watch->is_wrong ? 1 : 0);
    loop_timer_arm(watch->timer, watch->is_wrong ? RECHECK_MS : watch->host.period_ms);
    watch->host.checked(watch->host.self, watch->has_passed ? NULL : &watch->err);
}

static void on_timer(void *arg)
{
    struct topic_watch *watch = arg;
    watch->is_asking = true;
    background_run(watch->host.background, check, on_checked, watch);
}

struct topic_watch *topic_watch_new(const struct topic_watch_host *host)
{
    struct topic_watch *watch = mem_alloc(sizeof(*watch));
    watch->host = *host;
    watch->backoff = (struct backoff){.first_ms = 200, .max_ms = 2000};
    watch->timer = loop_timer_new(host->loop, on_timer, watch);
    return watch;
}

void topic_watch_free(struct topic_watch *watch)
{
    if (watch == NULL)
        return;
    loop_timer_free(watch->timer);
    free(watch);
}

void topic_watch_check(struct topic_watch *watch)
{
    if (watch->is_asking || watch->is_wrong || watch->is_stopped)
        return;
    watch->is_asking = true;
    loop_timer_arm(watch->timer, 0);
}

void topic_watch_stop(struct topic_watch *watch)
{
    watch->is_stopped = true;
    loop_timer_disarm(watch->timer);
}
