#include "libs/wire/event_codec.h"

#include "libs/base/mem.h"
#include "libs/wire/event_fields.h"

#include <assert.h>
#include <stdlib.h>

/* The loop over fields is one function to the compiler: its state stays in registers. */
#define INLINE static inline __attribute__((always_inline))
#define NOT_PROTOBUF "not protobuf"
#define VARINT_MAX 10  /* bytes */
#define SHORT_MAX 5    /* bytes; other readers of protobuf take no longer tag or length */
#define ARENA_SLACK 16 /* bytes that may be read after the last record; never part of a value */
#define NESTING_MAX 3  /* messages that wait: event, user_seen, personal */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "take_long_varint loads as the wire orders");
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
    uint32_t seen;
};

/* Where decoding stands: in the innermost message. */
struct walk {
    const char *at;
    const char *end;
    const struct field_table *table;
    uint32_t seen; /* fields of this message, by number */
    uint32_t depth;
    struct outer outer[NESTING_MAX];
};

/* What decoding found. */
struct scan {
    struct event *event;
    uint32_t payload_seen; /* fields of the payload, by number */
    bool has_unknown;      /* the envelope holds a field that this build does not know */
    enum event_decode_result result;
    const char *why;
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

INLINE const char *take_varint(const char *at, const char *end, uint64_t *out)
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

INLINE const char *take_len(const char *at, const char *end, struct bytes *out)
{
    uint64_t len;
    const char *value = take_varint(at, end, &len);
    return value == NULL || value - at > SHORT_MAX ? NULL : take_bytes(value, end, len, out);
}

/* A field that this build does not know; groups are no part of proto3. */
static const char *skip_field(const char *at, const char *end, uint64_t tag)
{
    uint64_t number;
    struct bytes bytes;
    switch (tag & 7) {
    case WIRE_VARINT:
        return take_varint(at, end, &number);
    case WIRE_LEN:
        return take_len(at, end, &bytes);
    case WIRE_FIXED64:
        return take_bytes(at, end, 8, &bytes);
    case WIRE_FIXED32:
        return take_bytes(at, end, 4, &bytes);
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

/* The two store functions: false when the value is against the contract. */

INLINE bool store_number(struct event *event, const struct field *field, uint64_t number)
{
    void *at = (char *)event + field->offset;
    if (field->presence != 0)
        *((bool *)event + field->presence) = true;
    switch ((enum field_type)field->type) {
    case FIELD_INT64:
        *(int64_t *)at = (int64_t)number;
        return field_allows_number(field, (int64_t)number);
    case FIELD_INT32:
    case FIELD_ENUM:
        *(int32_t *)at = (int32_t)(uint32_t)number;
        return field_allows_number(field, (int32_t)(uint32_t)number);
    case FIELD_UINT32:
        *(uint32_t *)at = (uint32_t)number;
        return true;
    case FIELD_BOOL:
        *(bool *)at = number != 0;
        return true;
    case FIELD_FILE_MODE:
    case FIELD_TOGGLE:
        return store_mode(event, field->type == FIELD_TOGGLE, number != 0);
    case FIELD_NONE:
    case FIELD_TEXT:
    case FIELD_LANG:
    case FIELD_BYTES:
    case FIELD_ID:
    case FIELD_SEALED:
    case FIELD_PAYLOAD:
    case FIELD_PERSONAL:
    case FIELD_CLEAR:
        break;
    }
    return false;
}

static bool store_bytes(struct event *event, const struct field *field, struct bytes bytes)
{
    void *at = (char *)event + field->offset;
    if (field->type == FIELD_ID)
        return store_id(event, bytes);
    *(struct bytes *)at = bytes;
    return field_allows_text(field, bytes);
}

/* The last payload of the oneof counts; the same one twice is merged, as protobuf does. */
static void enter_payload(struct scan *scan, struct walk *walk, enum event_kind kind)
{
    struct event *event = scan->event;
    if (event->kind != kind) {
        const size_t start = offsetof(struct event, user_seen);
        memset((char *)event + start, 0, sizeof(*event) - start);
        event->subject_id = 0;
        scan->payload_seen = 0;
    }
    event->kind = kind;
    walk->table = fields_of_payload(kind);
    walk->seen = scan->payload_seen;
}

static void enter(struct scan *scan, struct walk *walk, enum field_type type, uint64_t number,
                  struct bytes message)
{
    walk->outer[walk->depth++] = (struct outer){walk->end, walk->table, walk->seen};
    walk->at = message.data;
    walk->end = message.data + message.len;
    walk->seen = 0;
    if (type == FIELD_PAYLOAD) {
        enter_payload(scan, walk, (enum event_kind)number);
    } else if (type == FIELD_PERSONAL) {
        walk->table = &FIELDS_OF_PERSONAL;
    } else {
        scan->event->user_seen.personal.is_present = true;
        walk->table = &FIELDS_OF_CLEAR;
    }
}

static void leave(struct scan *scan, struct walk *walk)
{
    if (walk->depth == 1)
        scan->payload_seen = walk->seen;
    const struct outer *outer = &walk->outer[--walk->depth];
    walk->end = outer->end;
    walk->table = outer->table;
    walk->seen = outer->seen;
}

static bool take_unknown(struct scan *scan, struct walk *walk, uint64_t tag)
{
    uint64_t number = tag >> 3;
    if (number == 0 || tag > UINT32_MAX)
        return fail(scan, EVENT_MALFORMED, NOT_PROTOBUF);
    if (number < walk->table->count && walk->table->fields[number].type != FIELD_NONE)
        return fail(scan, EVENT_MALFORMED, "a field of another wire type");
    walk->at = skip_field(walk->at, walk->end, tag);
    scan->has_unknown |= walk->depth == 0;
    return walk->at != NULL || fail(scan, EVENT_MALFORMED, NOT_PROTOBUF);
}

INLINE bool take_number(struct scan *scan, struct walk *walk, const struct field *field)
{
    uint64_t number;
    walk->at = take_varint(walk->at, walk->end, &number);
    if (walk->at == NULL)
        return fail(scan, EVENT_MALFORMED, NOT_PROTOBUF);
    if (store_number(scan->event, field, number))
        return true;
    bool is_newer = field->type == FIELD_ENUM && (int32_t)(uint32_t)number > 0;
    return fail(scan, is_newer ? EVENT_UNKNOWN_PAYLOAD : EVENT_MALFORMED, field->why);
}

INLINE bool take_len_field(struct scan *scan, struct walk *walk, const struct field *field,
                           uint64_t number)
{
    struct bytes bytes;
    walk->at = take_len(walk->at, walk->end, &bytes);
    if (walk->at == NULL)
        return fail(scan, EVENT_MALFORMED, NOT_PROTOBUF);
    if (field->type == FIELD_SEALED)
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, field->why);
    if (field->type < FIELD_PAYLOAD)
        return store_bytes(scan->event, field, bytes) || fail(scan, EVENT_MALFORMED, field->why);
    enter(scan, walk, (enum field_type)field->type, number, bytes);
    return true;
}

INLINE bool take_field(struct scan *scan, struct walk *walk)
{
    uint64_t tag;
    const char *after = take_varint(walk->at, walk->end, &tag);
    if (after == NULL || after - walk->at > SHORT_MAX)
        return fail(scan, EVENT_MALFORMED, NOT_PROTOBUF);
    walk->at = after;
    uint64_t number = tag >> 3;
    if (number >= walk->table->count)
        return take_unknown(scan, walk, tag);
    const struct field *field = &walk->table->fields[number];
    if (field->wire != WIRE_KNOWN(tag & 7))
        return take_unknown(scan, walk, tag);
    walk->seen |= 1U << number;
    return field->wire == WIRE_KNOWN(WIRE_VARINT) ? take_number(scan, walk, field)
                                                  : take_len_field(scan, walk, field, number);
}

/* Fields that were there have been checked; what is left are those that had to be. */
static bool check_missing(struct scan *scan, const struct field_table *table, uint32_t seen)
{
    uint32_t missing = table->required & ~seen;
    if (missing == 0)
        return true;
    uint32_t number = 0;
    while ((missing >> number & 1) == 0)
        number++;
    return fail(scan, EVENT_MALFORMED, table->fields[number].why);
}

static bool check_event(struct scan *scan, uint32_t seen)
{
    enum event_kind kind = scan->event->kind;
    if (kind == EVENT_NONE && scan->has_unknown)
        return fail(scan, EVENT_UNKNOWN_PAYLOAD, "payload: newer than this build");
    if (kind == EVENT_NONE)
        return fail(scan, EVENT_MALFORMED, "payload: missing");
    if (kind == EVENT_USER_MODE_CHANGED && (scan->payload_seen & (1U << 2 | 1U << 3)) == 0)
        return fail(scan, EVENT_MALFORMED, "user_mode_changed.change: missing");
    return check_missing(scan, &FIELDS_OF_EVENT, seen) &&
           check_missing(scan, fields_of_payload(kind), scan->payload_seen);
}

static bool decode_fields(struct scan *scan, struct bytes value)
{
    struct walk walk;
    walk.at = value.data;
    walk.end = value.data + value.len;
    walk.table = &FIELDS_OF_EVENT;
    walk.seen = 0;
    walk.depth = 0;
    for (;;) {
        while (walk.at < walk.end) {
            if (!take_field(scan, &walk))
                return false;
        }
        if (walk.depth == 0)
            return check_event(scan, walk.seen);
        leave(scan, &walk);
    }
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
    memset(out, 0, offsetof(struct event, user_seen)); /* the payload's part: enter_payload */
    struct scan scan = {.event = out};
    if (!decode_fields(&scan, (struct bytes){copy, value.len})) {
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
