/* Any bytes as an encoded event: what decodes is within the contract, and its encoding is stable. */
#include "libs/wire/event_codec.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct event decode(struct event_arena *arena, struct bytes value)
{
    struct event event;
    const char *why = NULL;
    enum event_decode_result result = event_decode(value, arena, &event, &why);
    assert(result == EVENT_DECODED);
    return event;
}

static void check_stable(struct event_arena *arena, const struct event *event)
{
    struct buf first;
    struct buf second;
    buf_init(&first, EVENT_BYTES_MAX);
    buf_init(&second, EVENT_BYTES_MAX);
    if (event_encode(event, &first)) {
        event_arena_reset(arena);
        struct event again = decode(arena, buf_bytes(&first));
        assert(event_check(&again) == NULL);
        bool is_encoded = event_encode(&again, &second);
        assert(is_encoded && bytes_equal(buf_bytes(&first), buf_bytes(&second)));
    }
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct event_arena *arena = event_arena_new(4 * (size_t)EVENT_BYTES_MAX);
    struct bytes value = {(const char *)data, len};
    struct event event;
    const char *why = NULL;
    enum event_decode_result result = event_decode(value, arena, &event, &why);
    assert((result == EVENT_DECODED) == (why == NULL));
    if (result == EVENT_DECODED) {
        assert(event_check(&event) == NULL);
        check_stable(arena, &event);
    }
    event_arena_free(arena);
    return 0;
}
