#include "services/gateway/rpc/publish_request.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/json/settings_patch.h"
#include "libs/wire/event_codec.h"
#include "libs/wire/event_id.h"

#include <stdlib.h>

#define ARENA_MAX (4 * PUBLISH_REQUEST_MAX)

typedef Telefact__Event__V1__Event event_message;
typedef Telefact__Event__V1__VideoDownloaded video_message;

struct publish_reader {
    struct publish_rules rules;
    struct event_arena *arena;
    struct buf packed; /* of the event that is being read */
    int64_t now_ms;
};

struct publish_reader *publish_reader_new(const struct publish_rules *rules)
{
    struct publish_reader *reader = mem_alloc(sizeof(*reader));
    reader->rules = *rules;
    reader->arena = event_arena_new(ARENA_MAX);
    buf_init(&reader->packed, ARENA_MAX);
    return reader;
}

void publish_reader_free(struct publish_reader *reader)
{
    if (reader == NULL)
        return;
    event_arena_free(reader->arena);
    buf_done(&reader->packed);
    free(reader);
}

static bool reject(struct err *err, size_t index, const char *why)
{
    return err_set(err, ERR_REJECT, "events[%zu].%s", index, why);
}

/* Printable: no control characters, neither those of ASCII nor U+0080 to U+009F. */
static bool is_printable(struct bytes text)
{
    if (!bytes_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool is_c1 = byte == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0;
        if (byte < 0x20 || byte == 0x7f || is_c1)
            return false;
    }
    return true;
}

/* What only the gateway fills in. NULL: fine. */
static const char *find_forbidden(const event_message *given, int64_t bot_id)
{
    if (given->event_id.len > 0)
        return "event_id: must be unset, the gateway makes it";
    if (given->bot_id != 0 && given->bot_id != bot_id)
        return "bot_id: is not this gateway's bot";
    if (given->received_at_ms != 0)
        return "received_at_ms: must be unset";
    if (given->producer[0] != '\0')
        return "producer: must be unset";
    if (given->ordinal != 0)
        return "ordinal: must be unset";
    if (given->payload_case == TELEFACT__EVENT__V1__EVENT__PAYLOAD_USER_ERASED)
        return "user_erased: belongs to the erase command and cannot be published";
    return NULL;
}

/* A longer link is cut at a character's end, as it is for links that the gateway sees itself.
 * *out_cut is owned by the caller; NULL: nothing was cut. */
static void cut_link(event_message *event, video_message *video, char **out_cut)
{
    *out_cut = NULL;
    if (event->payload_case != TELEFACT__EVENT__V1__EVENT__PAYLOAD_VIDEO_DOWNLOADED)
        return;
    struct bytes link = bytes_of_text(event->video_downloaded->video_link);
    if (link.len <= EVENT_LINK_MAX || !bytes_is_utf8(link))
        return;
    struct bytes kept = bytes_cut_utf8(link, EVENT_LINK_MAX);
    *out_cut = mem_text(kept.data, kept.len);
    *video = *event->video_downloaded;
    video->video_link = *out_cut;
    video->link_truncated = true;
    event->video_downloaded = video;
}

static const char *decode(struct publish_reader *reader, const event_message *message,
                          struct event *out)
{
    buf_clear(&reader->packed);
    char *room = buf_reserve(&reader->packed, protobuf_c_message_get_packed_size(&message->base));
    if (room == NULL)
        return "event: too large";
    struct bytes value = {room, protobuf_c_message_pack(&message->base, (uint8_t *)room)};
    const char *why = NULL;
    switch (event_decode(value, reader->arena, out, &why)) {
    case EVENT_DECODED:
        return out->kind == EVENT_USER_SETTINGS_PATCHED ? settings_patch_fault(out->merge_patch)
                                                        : NULL;
    case EVENT_MALFORMED:
        return why;
    case EVENT_UNKNOWN_PAYLOAD: /* or an enum's value that this build does not know */
        return message->payload_case == TELEFACT__EVENT__V1__EVENT__PAYLOAD__NOT_SET
                   ? "payload: missing, or newer than this gateway"
                   : why;
    case EVENT_ARENA_FULL:
        break;
    }
    return "event: too large";
}

static void complete(struct publish_reader *reader, struct bytes key, struct event *event)
{
    event->producer = bytes_of_text(reader->rules.producer);
    if (event->kind == EVENT_AD_SHOWN) {
        struct event_ad_shown *ad = &event->ad_shown;
        ad->cooldown_s = ad->has_cooldown_s ? ad->cooldown_s : reader->rules.ad_cooldown_s;
        ad->count_after = ad->has_count_after ? ad->count_after : reader->rules.ad_count_after;
        ad->has_cooldown_s = ad->has_count_after = true;
    }
    if (key.len > 0)
        event_id_of_key(event, key, event->id);
    else
        random_uuid7(reader->now_ms, event->id);
}

/* NULL: *out is set; else what is wrong. */
static const char *read_one(struct publish_reader *reader,
                            const Telefact__Gateway__V1__EventToPublish *given, struct event *out)
{
    static uint8_t
        no_id[EVENT_ID_LEN]; /* the decoder wants one; the real one is made of the decoded event */
    struct bytes key = bytes_of_text(given->idempotency_key);
    if (key.len > EVENT_KEY_MAX || !is_printable(key))
        return "idempotency_key: not printable UTF-8 of at most 128 bytes";
    if (given->event == NULL)
        return "event: missing";
    const char *why = find_forbidden(given->event, reader->rules.bot_id);
    if (why != NULL)
        return why;

    event_message message = *given->event;
    video_message video;
    char *link = NULL;
    message.event_id = (ProtobufCBinaryData){EVENT_ID_LEN, no_id};
    message.bot_id = reader->rules.bot_id;
    message.received_at_ms = reader->now_ms;
    cut_link(&message, &video, &link);
    why = decode(reader, &message, out);
    free(link);
    if (why == NULL)
        complete(reader, key, out);
    return why;
}

bool publish_reader_read(struct publish_reader *reader,
                         const Telefact__Gateway__V1__PublishRequest *request, struct event *out,
                         struct err *err)
{
    if (request->n_events == 0 || request->n_events > reader->rules.events_max)
        return err_set(err, ERR_REJECT, "events: must hold 1 to %zu events",
                       reader->rules.events_max);
    event_arena_reset(reader->arena);
    reader->now_ms = now_unix_ms();
    for (size_t i = 0; i < request->n_events; i++) {
        const char *why = read_one(reader, request->events[i], &out[i]);
        if (why != NULL)
            return reject(err, i, why);
    }
    return true;
}
