/* Any bytes as a webhook's body: every event that comes out is within the contract and encodes, and
 * the same body gives the same ids again. */
#include "libs/wire/event_codec.h"
#include "services/gateway/translate.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_events(const struct translation *translation)
{
    for (size_t i = 0; i < translation->event_count; i++) {
        struct buf encoded;
        buf_init(&encoded, EVENT_BYTES_MAX);
        assert(event_check(&translation->events[i]) == NULL);
        bool is_encoded = event_encode(&translation->events[i], &encoded);
        assert(is_encoded);
        buf_done(&encoded);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct translate_context context = {
        .bot_id = 42, .received_at_ms = 1700000000000, .producer = BYTES_LITERAL("fuzz 1")};
    struct bytes body = {(const char *)data, len};
    struct translation first;
    struct translation second;
    translate(body, &context, &first);
    translate(body, &context, &second);

    assert(first.event_count <= TRANSLATE_EVENTS_MAX);
    assert((first.outcome == TRANSLATE_EVENTS) == (first.event_count > 0));
    assert(first.outcome == second.outcome && first.event_count == second.event_count);
    check_events(&first);
    for (size_t i = 0; i < first.event_count; i++)
        assert(memcmp(&first.events[i].id, &second.events[i].id, sizeof(first.events[i].id)) == 0);

    translation_done(&first);
    translation_done(&second);
    return 0;
}
