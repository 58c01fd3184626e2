/*
 * publish_request: a PublishRequest to checked, complete events.
 *
 * An event is held to the same rules as a record of the log (libs/wire/event_codec), so nothing
 * that is accepted here can become a dead letter later. Nothing is kept but one arena. One thread.
 */
#ifndef SERVICES_GATEWAY_RPC_PUBLISH_REQUEST_H
#define SERVICES_GATEWAY_RPC_PUBLISH_REQUEST_H

#include "libs/base/err.h"
#include "libs/wire/event.h"

#include "telefact/gateway/v1/publish_service.pb-c.h"

#define PUBLISH_EVENTS_MAX 1000
#define PUBLISH_REQUEST_MAX (1 << 20) /* bytes */

struct publish_rules {
    size_t events_max; /* of a request, at most PUBLISH_EVENTS_MAX */
    int64_t bot_id;
    const char *producer;  /* program and version; borrowed */
    int64_t ad_cooldown_s; /* for an AdShown that leaves it out */
    int32_t ad_count_after;
};

struct publish_reader;

struct publish_reader *publish_reader_new(const struct publish_rules *rules);
void publish_reader_free(struct publish_reader *reader); /* NULL is fine */

/* Fill out[0 .. request->n_events - 1]; the events live until the next call. ERR_REJECT names the
 * event and the field
 * ("events[3].video_downloaded.user_id: …") and holds nothing of their content. */
MUST_CHECK bool publish_reader_read(struct publish_reader *reader,
                                    const Telefact__Gateway__V1__PublishRequest *request,
                                    struct event *out, struct err *err);

#endif
