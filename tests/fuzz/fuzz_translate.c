/*
 * fuzz_translate: any bytes as a webhook's body.
 *
 * Every event that comes out keeps the contract of the log and is told apart from its siblings. The
 * same value written in another way (escaped, indented) gives the same events with the same ids,
 * and what is no JSON gives none.
 */
#include "services/gateway/translate.h"

#include "libs/wire/event_codec.h"
#include "tests/fuzz/fuzz.h"

#include <yyjson.h>

static const struct translate_context CONTEXT = {
    .bot_id = 42, .received_at_ms = 1700000000000, .producer = BYTES_LITERAL("fuzz 1")};

static void check_event(const struct event *event, const struct translation *translation)
{
    DEMAND(event->bot_id == CONTEXT.bot_id && event->received_at_ms == CONTEXT.received_at_ms);
    DEMAND(event->update_id == translation->update_id && event->update_id > 0);
    DEMAND(event_check(event) == NULL);
    for (size_t i = 0; i < translation->event_count; i++) {
        const struct event *other = &translation->events[i];
        DEMAND(other == event || memcmp(other->id, event->id, EVENT_ID_LEN) != 0);
    }
}

static void check_translation(const struct translation *translation)
{
    DEMAND(translation->event_count <= TRANSLATE_EVENTS_MAX);
    DEMAND((translation->outcome == TRANSLATE_EVENTS) == (translation->event_count > 0));
    if (translation->outcome == TRANSLATE_RAW)
        DEMAND(translation->raw_reason >= RAW_NO_EVENT && translation->raw_reason <= RAW_TOO_DEEP);
    for (size_t i = 0; i < translation->event_count; i++)
        check_event(&translation->events[i], translation);
}

static bool is_same(const struct event *a, const struct event *b)
{
    struct buf of_a;
    struct buf of_b;
    buf_init(&of_a, EVENT_BYTES_MAX);
    buf_init(&of_b, EVENT_BYTES_MAX);
    DEMAND(event_encode(a, &of_a) && event_encode(b, &of_b));
    bool is_equal = bytes_equal(buf_bytes(&of_a), buf_bytes(&of_b));
    buf_done(&of_a);
    buf_done(&of_b);
    return is_equal;
}

static void check_again(const struct translation *first, yyjson_doc *document,
                        yyjson_write_flag how)
{
    struct translation second;
    size_t len = 0;
    char *text = yyjson_write(document, how, &len);
    DEMAND(text != NULL);
    translate((struct bytes){text, len}, &CONTEXT, &second);
    DEMAND(first->outcome == second.outcome && first->kind == second.kind);
    DEMAND(first->update_id == second.update_id && first->event_count == second.event_count);
    DEMAND(first->outcome == TRANSLATE_EVENTS || first->raw_reason == second.raw_reason);
    for (size_t i = 0; i < first->event_count; i++)
        DEMAND(is_same(&first->events[i], &second.events[i]));
    translation_done(&second);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = fuzz_bytes(data, size);
    struct translation translation;
    translate(body, &CONTEXT, &translation);
    check_translation(&translation);
    yyjson_doc *document = yyjson_read(body.data, body.len, 0);
    if (document == NULL)
        DEMAND(translation.outcome == TRANSLATE_RAW && translation.raw_reason == RAW_UNPARSABLE);
    else
        check_again(&translation, document,
                    size % 2 == 0 ? YYJSON_WRITE_ESCAPE_UNICODE : YYJSON_WRITE_PRETTY);
    yyjson_doc_free(document);
    translation_done(&translation);
    return 0;
}
