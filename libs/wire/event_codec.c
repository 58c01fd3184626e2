#include "libs/wire/event_codec.h"

#include "libs/base/mem.h"
#include "libs/wire/event_fields.h"

#include <assert.h>
#include <stdlib.h>

#define NESTING_MAX 4 /* event, user_seen, personal, clear */

_Static_assert(sizeof(enum event_chat_type) == 4, "FIELD_ENUM is stored as 32 bits");

struct event_arena {
    size_t max;
    size_t used;
    char *bytes; /* untouched pages of it cost nothing */
};

struct event_arena *event_arena_new(size_t max_bytes)
{
    assert(max_bytes >= EVENT_BYTES_MAX);
    struct event_arena *arena = mem_alloc(sizeof(*arena));
    arena->bytes = mem_alloc(max_bytes);
    arena->max = max_bytes;
    return arena;
}

void event_arena_reset(struct event_arena *arena)
{
    arena->used = 0;
}

size_t event_arena_used(const struct event_arena *arena)
{
    return arena->used;
}

void event_arena_free(struct event_arena *arena)
{
    if (arena == NULL)
        return;
    free(arena->bytes);
    free(arena);
}

const char *event_check(const struct event *event)
{
    const char *why = fields_check(&FIELDS_OF_EVENT, event);
    if (why == NULL && event->kind == EVENT_NONE)
        why = "payload: missing";
    if (why == NULL)
        why = fields_check(fields_of_payload(event->kind), event);
    if (why == NULL && event->kind == EVENT_USER_SEEN && event->user_seen.personal.is_present)
        why = fields_check(&FIELDS_OF_CLEAR, event);
    return why;
}

/* Where decoding stands: the innermost message on top. */
struct scan {
    const char *at;
    const char *end; /* of the innermost message */
    const struct field_table *table;
    size_t depth; /* outer messages that wait */
    struct {
        const char *end;
        const struct field_table *table;
    } outer[NESTING_MAX];
    struct event *event;
    bool has_id;
    bool has_mode;
    bool has_unknown; /* the envelope holds a field that this build does not know */
    const char *why;  /* what is wrong; NULL: nothing yet */
    enum event_decode_result result;
};

/* A field as it stands on the wire. */
struct wire_field {
    uint64_t tag;
    uint64_t number; /* of a varint */
    struct bytes bytes;
};

static bool fail(struct scan *scan, enum event_decode_result result, const char *why)
{
    scan->result = result;
    scan->why = why;
    return false;
}

static bool fail_wire(struct scan *scan)
{
    return fail(scan, EVENT_MALFORMED, "not protobuf");
}

static bool take_varint(struct scan *scan, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && scan->at < scan->end; shift += 7) {
        uint64_t byte = (unsigned char)*scan->at++;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return fail_wire(scan);
}

static bool take_bytes(struct scan *scan, uint64_t len, struct bytes *out)
{
    if (len > (uint64_t)(scan->end - scan->at))
        return fail_wire(scan);
    *out = (struct bytes){scan->at, (size_t)len};
    scan->at += len;
    return true;
}

static bool take_field(struct scan *scan, struct wire_field *out)
{
    if (!take_varint(scan, &out->tag))
        return false;
    if (out->tag < 8 || out->tag > UINT32_MAX)
        return fail_wire(scan);
    switch (out->tag & 7) {
    case WIRE_VARINT:
        return take_varint(scan, &out->number);
    case WIRE_LEN:
        return take_varint(scan, &out->number) && take_bytes(scan, out->number, &out->bytes);
    case WIRE_FIXED64:
        return take_bytes(scan, 8, &out->bytes);
    case WIRE_FIXED32:
        return take_bytes(scan, 4, &out->bytes);
    default:
        return fail_wire(scan);
    }
}

static bool enter(struct scan *scan, const struct field_table *table, struct bytes message)
{
    assert(scan->depth < NESTING_MAX);
    scan->outer[scan->depth].end = scan->end;
    scan->outer[scan->depth].table = scan->table;
    scan->depth++;
    scan->at = message.data;
    scan->end = message.data + message.len;
    scan->table = table;
    return true;
}

/* The last payload of the oneof counts; the same one twice is merged, as protobuf does. */
static bool enter_payload(struct scan *scan, const struct wire_field *wire)
{
    struct event *event = scan->event;
    enum event_kind kind = (enum event_kind)(wire->tag >> 3);
    if (event->kind != EVENT_NONE && event->kind != kind) {
        const size_t start = offsetof(struct event, user_seen);
        memset((char *)event + start, 0, sizeof(*event) - start);
        event->subject_id = 0;
        scan->has_mode = false;
    }
    event->kind = kind;
    return enter(scan, fields_of_payload(kind), wire->bytes);
}

static bool store_id(struct scan *scan, const struct field *field, struct bytes id)
{
    if (id.len != EVENT_ID_LEN)
        return fail(scan, EVENT_MALFORMED, field->why);
    memcpy(scan->event->id, id.data, EVENT_ID_LEN);
    scan->has_id = true;
    return true;
}

static bool store_mode(struct scan *scan, const struct field *field, bool value)
{
    bool is_toggle = field->type == FIELD_TOGGLE;
    scan->event->mode = (struct event_mode_change){is_toggle, !is_toggle && value};
    scan->has_mode = true;
    if (is_toggle && !value)
        return fail(scan, EVENT_MALFORMED, field->why);
    return true;
}

static bool store(struct scan *scan, const struct field *field, const struct wire_field *wire)
{
    void *at = (char *)scan->event + field->offset;
    if (field->presence != 0)
        *((bool *)scan->event + field->presence) = true;
    switch (field->type) {
    case FIELD_INT64:
    case FIELD_CHAT:
        *(int64_t *)at = (int64_t)wire->number;
        return true;
    case FIELD_INT32:
    case FIELD_UINT32:
    case FIELD_ENUM:
        *(uint32_t *)at = (uint32_t)wire->number;
        return true;
    case FIELD_BOOL:
        *(bool *)at = wire->number != 0;
        return true;
    case FIELD_TEXT:
    case FIELD_LANG:
    case FIELD_BYTES:
        *(struct bytes *)at = wire->bytes;
        return true;
    case FIELD_FILE_MODE:
    case FIELD_TOGGLE:
        return store_mode(scan, field, wire->number != 0);
    case FIELD_ID:
        return store_id(scan, field, wire->bytes);
    case FIELD_PAYLOAD:
        return enter_payload(scan, wire);
    case FIELD_PERSONAL:
        return enter(scan, &FIELDS_OF_PERSONAL, wire->bytes);
    case FIELD_CLEAR:
        return enter(scan, &FIELDS_OF_CLEAR, wire->bytes);
    case FIELD_SEALED:
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, field->why);
    case FIELD_NONE:
        break;
    }
    scan->has_unknown |= scan->depth == 0;
    return true;
}

static bool decode_field(struct scan *scan)
{
    static const struct field unknown = {.type = FIELD_NONE};
    struct wire_field wire = {0};
    if (!take_field(scan, &wire))
        return false;
    uint64_t number = wire.tag >> 3;
    const struct field *field = &unknown;
    if (number < scan->table->count)
        field = &scan->table->fields[number];
    if (field->type != FIELD_NONE && field->wire != (wire.tag & 7))
        return fail_wire(scan);
    return store(scan, field, &wire);
}

static bool decode_fields(struct scan *scan)
{
    for (;;) {
        while (scan->at < scan->end) {
            if (!decode_field(scan))
                return false;
        }
        if (scan->depth == 0)
            return true;
        scan->depth--;
        scan->end = scan->outer[scan->depth].end;
        scan->table = scan->outer[scan->depth].table;
    }
}

static bool check_decoded(struct scan *scan)
{
    const struct event *event = scan->event;
    if (event->kind == EVENT_NONE && scan->has_unknown)
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, "payload: newer than this build");
    if (!scan->has_id)
        return fail(scan, EVENT_MALFORMED, "event_id: missing");
    if (event->kind == EVENT_USER_MODE_CHANGED && !scan->has_mode)
        return fail(scan, EVENT_MALFORMED, "user_mode_changed.change: missing");
    const char *why = event_check(event);
    return why == NULL || fail(scan, EVENT_MALFORMED, why);
}

enum event_decode_result event_decode(struct bytes value, struct event_arena *arena,
                                      struct event *out, const char **out_why)
{
    *out_why = "larger than 64 KiB";
    if (value.len > EVENT_BYTES_MAX)
        return EVENT_MALFORMED;
    *out_why = "arena full";
    if (value.len > arena->max - arena->used)
        return EVENT_ARENA_FULL;

    char *copy = arena->bytes + arena->used;
    if (value.len > 0)
        memcpy(copy, value.data, value.len);
    *out = (struct event){0};
    struct scan scan = {
        .at = copy, .end = copy + value.len, .table = &FIELDS_OF_EVENT, .event = out};
    if (!decode_fields(&scan) || !check_decoded(&scan)) {
        *out_why = scan.why;
        return scan.result;
    }
    /* The key says which of its two chats a migration belongs to; the payload does not. */
    if (out->kind == EVENT_CHAT_MIGRATED)
        out->subject_id = out->migrated.old_id;
    arena->used += value.len;
    *out_why = NULL;
    return EVENT_DECODED;
}
