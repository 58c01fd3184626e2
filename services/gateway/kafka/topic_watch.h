/*
 * topic_watch: are the topics as they must be? Asked on a background thread, told on the loop.
 *
 * Asked at the start, then regularly, and every second while something is wrong. While Kafka cannot
 * be reached it goes on asking by itself. What it finds is logged when it changes.
 */
#ifndef SERVICES_GATEWAY_KAFKA_TOPIC_WATCH_H
#define SERVICES_GATEWAY_KAFKA_TOPIC_WATCH_H

#include "libs/base/err.h"
#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"

struct topic_watch;

struct topic_watch_host { /* all is borrowed */
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    int64_t period_ms;
    /* Each answer: NULL when all is well, else what is wrong (logged already). */
    void (*checked)(void *self, const struct err *err);
    void *self;
};

struct topic_watch *topic_watch_new(const struct topic_watch_host *host);
void topic_watch_free(struct topic_watch *watch); /* the background is not busy; NULL is fine */

/* Ask now: the first time, or because a topic seems to be gone. Nothing happens while a question is
 * open, or while something is known to be wrong. */
void topic_watch_check(struct topic_watch *watch);

/* Ask no more; an answer that is on its way is dropped. */
void topic_watch_stop(struct topic_watch *watch);

void topic_watch_add_metrics(void); /* once at start */

#endif
