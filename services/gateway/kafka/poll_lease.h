/*
 * poll_lease: which gateway asks Telegram for updates.
 *
 * The members of one consumer group share a topic of one partition: who has it, leads. It saves
 * pollers from being refused in turn; nothing depends on there being exactly one. Leaving gives the
 * lease away at once, a crash after the group's session. Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_KAFKA_POLL_LEASE_H
#define SERVICES_GATEWAY_KAFKA_POLL_LEASE_H

#include "libs/loop/loop.h"
#include "services/gateway/kafka/background.h"
#include "services/gateway/kafka/options.h"

struct poll_lease;

struct poll_lease_host { /* all is borrowed */
    struct loop *loop;
    struct background *background;
    const struct kafka_options *options;
    void (*changed)(void *self, bool is_leader);
    void *self;
};

/* Join the group. ERR_FATAL: librdkafka refuses the options. */
MUST_CHECK bool poll_lease_open(const struct poll_lease_host *host, struct poll_lease **out,
                                struct err *err);

/* Leave the group; `changed` is not called any more. The rest ends in the background. NULL is fine.
 */
void poll_lease_close(struct poll_lease *lease);

#endif
