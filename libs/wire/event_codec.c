#include "libs/wire/event_codec.h"

#include "libs/base/mem.h"
#include "libs/wire/event_fields.h"

#include <assert.h>
#include <stdlib.h>

#define VARINT_MAX 10  /* bytes */
#define ARENA_SLACK 16 /* bytes that may be read after the last record; never part of a value */
#define NESTING_MAX 3  /* messages that wait: event, user_seen, personal */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "take_long_varint loads as the wire orders");
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
    arena->bytes = mem_alloc(max_bytes + ARENA_SLACK);
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

/* A message that waits until one inside it ends. */
struct outer {
    const char *end;
    const struct field_table *table;
};

struct scan {
    struct event *event;
    uint32_t seen;         /* envelope fields, by number */
    uint32_t payload_seen; /* fields of the payload, by number */
    bool has_unknown;      /* the envelope holds a field that this build does not know */
    enum event_decode_result result;
    const char *why;
};

/* A field as it stands on the wire. */
struct wire_field {
    uint64_t tag;
    uint64_t number;    /* of a varint; else 0 */
    struct bytes bytes; /* of the other types */
};

static bool fail(struct scan *scan, enum event_decode_result result, const char *why)
{
    scan->result = result;
    scan->why = why;
    return false;
}

/* The take functions return where the rest starts; NULL: the bytes are no such thing. */

/* Two and more bytes, eight at once: the copy in the arena has bytes after its end to read. */
static const char *take_long_varint(const char *at, const char *end, uint64_t *out)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    uint64_t stops = ~value & UINT64_C(0x8080808080808080);
    size_t len = 8;
    if (stops != 0) {
        len = ((size_t)__builtin_ctzll(stops) >> 3) + 1;
        value &= stops ^ (stops - 1);
    }
    value &= UINT64_C(0x7f7f7f7f7f7f7f7f);
    value = (value & UINT64_C(0x007f007f007f007f)) | (value & UINT64_C(0x7f007f007f007f00)) >> 1;
    value = (value & UINT64_C(0x00003fff00003fff)) | (value & UINT64_C(0x3fff00003fff0000)) >> 2;
    value = (value & UINT64_C(0x000000000fffffff)) | (value & UINT64_C(0x0fffffff00000000)) >> 4;
    for (bool is_open = stops == 0; is_open && len < VARINT_MAX; len++) {
        value |= (uint64_t)(at[len] & 0x7f) << (7 * len);
        is_open = (at[len] & 0x80) != 0;
        stops = !is_open;
    }
    *out = value;
    return stops == 0 || len > (size_t)(end - at) ? NULL : at + len;
}

static const char *take_varint(const char *at, const char *end, uint64_t *out)
{
    if (at == end)
        return NULL;
    if ((*at & 0x80) != 0)
        return take_long_varint(at, end, out);
    *out = (uint64_t)*at;
    return at + 1;
}

static const char *take_bytes(const char *at, const char *end, uint64_t len, struct bytes *out)
{
    if (len > (uint64_t)(end - at))
        return NULL;
    *out = (struct bytes){at, (size_t)len};
    return at + len;
}

static const char *take_field(const char *at, const char *end, struct wire_field *out)
{
    uint64_t len;
    at = take_varint(at, end, &out->tag);
    if (at == NULL || out->tag < 8 || out->tag > UINT32_MAX)
        return NULL;
    switch (out->tag & 7) {
    case WIRE_VARINT:
        return take_varint(at, end, &out->number);
    case WIRE_LEN:
        at = take_varint(at, end, &len);
        return at == NULL ? NULL : take_bytes(at, end, len, &out->bytes);
    case WIRE_FIXED64:
        return take_bytes(at, end, 8, &out->bytes);
    case WIRE_FIXED32:
        return take_bytes(at, end, 4, &out->bytes);
    default:
        return NULL;
    }
}

static bool store_id(struct event *event, struct bytes id)
{
    if (id.len != EVENT_ID_LEN)
        return false;
    memcpy(event->id, id.data, EVENT_ID_LEN);
    return true;
}

static bool store_mode(struct event *event, bool is_toggle, bool value)
{
    event->mode = (struct event_mode_change){is_toggle, !is_toggle && value};
    return !is_toggle || value;
}

static bool store_wide(struct event *event, const struct field *field, uint64_t number)
{
    void *at = (char *)event + field->offset;
    *(int64_t *)at = (int64_t)number;
    if (field->presence != 0)
        *((bool *)event + field->presence) = true;
    return field_allows_number(field, (int64_t)number);
}

static bool store_narrow(struct event *event, const struct field *field, uint64_t number)
{
    void *at = (char *)event + field->offset;
    *(int32_t *)at = (int32_t)(uint32_t)number;
    if (field->presence != 0)
        *((bool *)event + field->presence) = true;
    return field_allows_number(field, (int32_t)(uint32_t)number);
}

/* False: against the contract. */
static bool store(struct event *event, const struct field *field, const struct wire_field *wire)
{
    void *at = (char *)event + field->offset;
    switch ((enum field_type)field->type) {
    case FIELD_INT64:
        return store_wide(event, field, wire->number);
    case FIELD_INT32:
    case FIELD_ENUM:
        return store_narrow(event, field, wire->number);
    case FIELD_UINT32:
        *(uint32_t *)at = (uint32_t)wire->number;
        return true;
    case FIELD_BOOL:
        *(bool *)at = wire->number != 0;
        return true;
    case FIELD_TEXT:
    case FIELD_LANG:
    case FIELD_BYTES:
        *(struct bytes *)at = wire->bytes;
        return field_allows_text(field, wire->bytes);
    case FIELD_FILE_MODE:
    case FIELD_TOGGLE:
        return store_mode(event, field->type == FIELD_TOGGLE, wire->number != 0);
    case FIELD_ID:
        return store_id(event, wire->bytes);
    case FIELD_NONE:
    case FIELD_SEALED:
    case FIELD_PAYLOAD:
    case FIELD_PERSONAL:
    case FIELD_CLEAR:
        break;
    }
    return true;
}

/* The last payload of the oneof counts; the same one twice is merged, as protobuf does. */
static const struct field_table *enter_payload(struct scan *scan, enum event_kind kind)
{
    struct event *event = scan->event;
    if (event->kind != EVENT_NONE && event->kind != kind) {
        const size_t start = offsetof(struct event, user_seen);
        memset((char *)event + start, 0, sizeof(*event) - start);
        event->subject_id = 0;
        scan->payload_seen = 0;
    }
    event->kind = kind;
    return fields_of_payload(kind);
}

static const struct field_table *enter(struct scan *scan, const struct field *field, uint64_t tag)
{
    if (field->type == FIELD_PAYLOAD)
        return enter_payload(scan, (enum event_kind)(tag >> 3));
    if (field->type == FIELD_PERSONAL)
        return &FIELDS_OF_PERSONAL;
    scan->event->user_seen.personal.is_present = true;
    return &FIELDS_OF_CLEAR;
}

static const struct field *find_field(const struct field_table *table, uint64_t number)
{
    static const struct field unknown = {.type = FIELD_NONE};
    return number < table->count ? &table->fields[number] : &unknown;
}

/* A field of the message at this depth that is no message itself. */
static bool take_value(struct scan *scan, const struct field *field, const struct wire_field *wire,
                       size_t depth)
{
    if (field->type == FIELD_NONE) {
        scan->has_unknown |= depth == 0;
        return true;
    }
    if (field->type == FIELD_SEALED)
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, field->why);
    if (!store(scan->event, field, wire))
        return fail(scan, EVENT_MALFORMED, field->why);
    uint32_t bit = 1U << (wire->tag >> 3);
    if (depth == 0)
        scan->seen |= bit;
    else if (depth == 1)
        scan->payload_seen |= bit;
    return true;
}

static bool decode_fields(struct scan *scan, struct bytes value)
{
    struct outer outer[NESTING_MAX];
    size_t depth = 0;
    const char *at = value.data;
    const char *end = value.data + value.len;
    const struct field_table *table = &FIELDS_OF_EVENT;
    while (at < end || depth > 0) {
        if (at == end) {
            depth--;
            end = outer[depth].end;
            table = outer[depth].table;
            continue;
        }
        struct wire_field wire = {0};
        at = take_field(at, end, &wire);
        if (at == NULL)
            return fail(scan, EVENT_MALFORMED, "not protobuf");
        const struct field *field = find_field(table, wire.tag >> 3);
        if (field->type != FIELD_NONE && field->wire != (wire.tag & 7))
            return fail(scan, EVENT_MALFORMED, "a field of another wire type");
        if (field->type >= FIELD_PAYLOAD) {
            outer[depth++] = (struct outer){end, table};
            table = enter(scan, field, wire.tag);
            at = wire.bytes.data;
            end = at + wire.bytes.len;
        } else if (!take_value(scan, field, &wire, depth)) {
            return false;
        }
    }
    return true;
}

/* Fields that were there are checked; what is left are those that had to be. */
static bool check_missing(struct scan *scan)
{
    const struct event *event = scan->event;
    const struct field_table *payload = fields_of_payload(event->kind);
    if (event->kind == EVENT_NONE && scan->has_unknown)
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, "payload: newer than this build");
    if (event->kind == EVENT_NONE)
        return fail(scan, EVENT_MALFORMED, "payload: missing");
    if (event->kind == EVENT_USER_MODE_CHANGED && (scan->payload_seen & (1U << 2 | 1U << 3)) == 0)
        return fail(scan, EVENT_MALFORMED, "user_mode_changed.change: missing");
    uint32_t missing = FIELDS_OF_EVENT.required & ~scan->seen;
    const struct field_table *table = &FIELDS_OF_EVENT;
    if (missing == 0) {
        missing = payload->required & ~scan->payload_seen;
        table = payload;
    }
    if (missing == 0)
        return true;
    uint32_t number = 0;
    while ((missing >> number & 1) == 0)
        number++;
    return fail(scan, EVENT_MALFORMED, table->fields[number].why);
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
    struct scan scan = {.event = out};
    if (!decode_fields(&scan, (struct bytes){copy, value.len}) || !check_missing(&scan)) {
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
