#include "services/gateway/kafka/topic_watch.h"

#include "libs/base/backoff.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/random.h"
#include "services/gateway/kafka/topics.h"

#include <stdlib.h>
#include <string.h>

struct topic_watch {
    struct topic_watch_host host;
    struct loop_timer *timer;
    struct backoff backoff;
    bool is_asking;
    bool is_stopped;
    /* Of the check on the background thread; the loop looks at them when it is done. */
    struct topics_findings findings;
    struct err err;
    bool has_passed;
};

static void log_lines(enum log_level level, const char *msg, char *lines)
{
    char *rest = lines;
    for (char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
        *end = '\0';
        LOG_AT(level, msg, LOG_TEXT("finding", rest));
        rest = end + 1;
    }
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
    log_lines(LOG_LEVEL_WARN, "topic is unwise", watch->findings.advice);
    log_lines(LOG_LEVEL_ERROR, "topic is wrong", watch->findings.report);
    if (!watch->has_passed && watch->err.kind == ERR_RETRY) {
        log_warn("topics cannot be checked yet, trying again", LOG_TEXT("error", watch->err.text));
        loop_timer_arm(watch->timer, backoff_next(&watch->backoff, random_u32()));
        return;
    }
    backoff_reset(&watch->backoff);
    watch->is_asking = false;
    watch->host.checked(watch->host.self, watch->has_passed ? NULL : &watch->err);
}

static void on_timer(void *arg)
{
    struct topic_watch *watch = arg;
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

void topic_watch_check(struct topic_watch *watch, int64_t delay_ms)
{
    if (watch->is_asking || watch->is_stopped)
        return;
    watch->is_asking = true;
    loop_timer_arm(watch->timer, delay_ms);
}

void topic_watch_stop(struct topic_watch *watch)
{
    watch->is_stopped = true;
    loop_timer_disarm(watch->timer);
}
