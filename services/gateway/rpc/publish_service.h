/*
 * publish_service: telefact.gateway.v1.PublishService, for bots that keep their own code.
 *
 * Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_RPC_PUBLISH_SERVICE_H
#define SERVICES_GATEWAY_RPC_PUBLISH_SERVICE_H

#include "libs/loop/loop.h"
#include "services/gateway/ports.h"

struct publish_service;

struct publish_service_options {
    const char *listen;      /* borrowed, as all texts here */
    const char *tokens_file; /* "": none */
    bool allow_public;       /* listen beyond loopback without tokens */
    int64_t max_in_flight;   /* events; a larger request would be refused for ever */
    int64_t bot_id;
    const char *producer; /* program and version */
    int64_t ad_cooldown_s;
    int32_t ad_count_after;
};

/* `intake` is borrowed. ERR_REJECT: the tokens file is wrong, or needed and missing. ERR_FATAL: the
 * address cannot be used. */
MUST_CHECK bool publish_service_open(struct loop *loop,
                                     const struct publish_service_options *options,
                                     const struct event_intake *intake,
                                     struct publish_service **out, struct err *err);

/* Is what ERR_REJECT of publish_service_open says true? Without opening anything. */
MUST_CHECK bool publish_service_check(const struct publish_service_options *options,
                                      struct err *err);

/* What health checks are told. */
void publish_service_set_serving(struct publish_service *service, bool serving);

void publish_service_drain(struct publish_service *service);         /* no new calls */
bool publish_service_is_idle(const struct publish_service *service); /* no call is left */
void publish_service_free(
    struct publish_service *service); /* no batch is in flight; NULL is fine */

int publish_service_port(const struct publish_service *service);
void publish_service_add_metrics(void); /* once at start */

#endif
