/*
 * fuzz_publish_request: any bytes as a PublishRequest.
 *
 * What the scan and protobuf-c let through becomes events only when every one of them keeps the
 * contract of the log: it encodes, the store decodes the same, and the gateway alone chose its bot,
 * id and producer. A refusal names the event and the field and holds nothing of what came.
 */
#include "services/gateway/rpc/publish_request.h"

#include "libs/json/settings_patch.h"
#include "libs/rpc/scan.h"
#include "libs/wire/event_codec.h"
#include "tests/fuzz/fuzz.h"

#define EVENTS_MAX 16
#define HEAP_MAX (1U << 20)

static const struct publish_rules RULES = {
    .events_max = EVENTS_MAX,
    .bot_id = 42,
    .producer = "fuzz 1",
    .ad_cooldown_s = 600,
    .ad_count_after = 3,
};

static void check_event(const struct event *event, struct event_arena *arena)
{
    struct buf encoded;
    struct buf again;
    struct event decoded;
    const char *why = NULL;
    buf_init(&encoded, EVENT_BYTES_MAX);
    buf_init(&again, EVENT_BYTES_MAX);
    DEMAND(event->bot_id == RULES.bot_id && event->ordinal == 0);
    DEMAND(bytes_equal(event->producer, bytes_of_text(RULES.producer)));
    DEMAND(event->kind != EVENT_USER_ERASED);
    if (event->kind == EVENT_USER_SETTINGS_PATCHED)
        DEMAND(settings_patch_fault(event->merge_patch) == NULL);
    if (event->kind == EVENT_AD_SHOWN)
        DEMAND(event->ad_shown.has_cooldown_s && event->ad_shown.has_count_after);
    DEMAND(event_check(event) == NULL && event_encode(event, &encoded));
    DEMAND(event_decode(buf_bytes(&encoded), arena, &decoded, &why) == EVENT_DECODED);
    DEMAND(decoded.subject_id == event->subject_id && event_encode(&decoded, &again));
    DEMAND(bytes_equal(buf_bytes(&encoded), buf_bytes(&again)));
    buf_done(&encoded);
    buf_done(&again);
}

/* An idempotency key gives the same id again, as long as the request says the same. */
static void check_ids(const Telefact__Gateway__V1__PublishRequest *request,
                      const struct event *events, const struct event *again)
{
    for (size_t i = 0; i < request->n_events; i++) {
        bool is_keyed = request->events[i]->idempotency_key[0] != '\0';
        DEMAND((memcmp(events[i].id, again[i].id, EVENT_ID_LEN) == 0) == is_keyed);
    }
}

/* A link that is longer than the log takes is cut at a character's end, and says so. */
static void check_long_link(struct publish_reader *reader, struct bytes link)
{
    static struct event event;
    char text[2 * EVENT_LINK_MAX];
    struct err err;
    Telefact__Event__V1__VideoDownloaded video = TELEFACT__EVENT__V1__VIDEO_DOWNLOADED__INIT;
    Telefact__Event__V1__Event message = TELEFACT__EVENT__V1__EVENT__INIT;
    Telefact__Gateway__V1__EventToPublish given = TELEFACT__GATEWAY__V1__EVENT_TO_PUBLISH__INIT;
    Telefact__Gateway__V1__PublishRequest request = TELEFACT__GATEWAY__V1__PUBLISH_REQUEST__INIT;
    size_t len = 0;
    for (; len + link.len < sizeof(text) && len <= EVENT_LINK_MAX; len += link.len)
        memcpy(text + len, link.data, link.len);
    text[len] = '\0';
    video.user_id = 5;
    video.video_link = text;
    message.payload_case = TELEFACT__EVENT__V1__EVENT__PAYLOAD_VIDEO_DOWNLOADED;
    message.video_downloaded = &video;
    given.event = &message;
    request.n_events = 1;
    request.events = (Telefact__Gateway__V1__EventToPublish *[]){&given};
    DEMAND(publish_reader_read(reader, &request, &event, &err));
    struct bytes cut = event.video.video_link;
    DEMAND(event.video.link_truncated == (len > EVENT_LINK_MAX) && bytes_is_utf8(cut));
    DEMAND(cut.len <= EVENT_LINK_MAX && (len <= EVENT_LINK_MAX || cut.len > EVENT_LINK_MAX - 4));
    DEMAND(memcmp(cut.data, text, cut.len) == 0);
}

static void check_refusal(const struct err *err)
{
    DEMAND(err->kind == ERR_REJECT && strncmp(err->text, "events", strlen("events")) == 0);
    for (const char *c = err->text; *c != '\0'; c++)
        DEMAND(*c >= ' ' && *c <= '~');
}

static void check_request(const Telefact__Gateway__V1__PublishRequest *request)
{
    static struct publish_reader *reader;
    static struct event_arena *arena;
    static struct event events[EVENTS_MAX];
    static struct event again[EVENTS_MAX];
    struct err err = {0};
    if (reader == NULL) {
        reader = publish_reader_new(&RULES);
        arena = event_arena_new(EVENT_BYTES_MAX);
    }
    if (!publish_reader_read(reader, request, events, &err)) {
        check_refusal(&err);
        return;
    }
    DEMAND(request->n_events > 0 && request->n_events <= EVENTS_MAX);
    for (size_t i = 0; i < request->n_events; i++) {
        event_arena_reset(arena);
        check_event(&events[i], arena);
    }
    DEMAND(publish_reader_read(reader, request, again, &err));
    check_ids(request, events, again);
    struct bytes key = bytes_of_text(request->events[0]->idempotency_key);
    if (key.len > 0)
        check_long_link(reader, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ProtobufCMessageDescriptor *type = &telefact__gateway__v1__publish_request__descriptor;
    struct err err;
    if (size > PUBLISH_REQUEST_MAX || !rpc_scan(type, fuzz_bytes(data, size), HEAP_MAX, &err))
        return -1;
    Telefact__Gateway__V1__PublishRequest *request =
        telefact__gateway__v1__publish_request__unpack(NULL, size, data);
    if (request == NULL)
        return -1;
    check_request(request);
    telefact__gateway__v1__publish_request__free_unpacked(request, NULL);
    return 0;
}
