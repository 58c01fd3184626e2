#include "libs/wire/event_codec.h"
#include "libs/wire/event_fields.h"

/* Canonical: fields in the order of their numbers, defaults left out unless the field has
 * presence. A pass without `out` only measures. */
struct writer {
    char *out; /* NULL: measure */
    size_t len;
};

static void put_bytes(struct writer *writer, const void *data, size_t len)
{
    if (writer->out != NULL && len > 0)
        memcpy(writer->out + writer->len, data, len);
    writer->len += len;
}

static size_t varint_len(uint64_t value)
{
    return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static void put_varint(struct writer *writer, uint64_t value)
{
    if (writer->out == NULL) {
        writer->len += varint_len(value);
        return;
    }
    char *at = writer->out + writer->len;
    for (; value >= 0x80; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    writer->len = (size_t)(at - writer->out);
}

static void put_number(struct writer *writer, uint32_t number, uint64_t value)
{
    put_varint(writer, (uint64_t)number << 3 | WIRE_VARINT);
    put_varint(writer, value);
}

static void put_prefix(struct writer *writer, uint32_t number, size_t len)
{
    put_varint(writer, (uint64_t)number << 3 | WIRE_LEN);
    put_varint(writer, len);
}

static void put_text(struct writer *writer, uint32_t number, struct bytes text)
{
    put_prefix(writer, number, text.len);
    put_bytes(writer, text.data, text.len);
}

static uint64_t number_of(const struct field *field, const struct event *event)
{
    const void *at = (const char *)event + field->offset;
    switch ((enum field_type)field->type) {
    case FIELD_INT64:
        return (uint64_t)*(const int64_t *)at;
    case FIELD_INT32:
    case FIELD_ENUM:
        return (uint64_t)(int64_t)*(const int32_t *)at;
    case FIELD_UINT32:
        return *(const uint32_t *)at;
    case FIELD_BOOL:
        return *(const bool *)at;
    case FIELD_FILE_MODE:
        return event->mode.file_mode;
    case FIELD_TOGGLE:
        return 1;
    case FIELD_NONE:
    case FIELD_TEXT:
    case FIELD_LANG:
    case FIELD_BYTES:
    case FIELD_ID:
    case FIELD_PAYLOAD:
    case FIELD_PERSONAL:
    case FIELD_CLEAR:
    case FIELD_SEALED:
        break;
    }
    return 0;
}

/* Fields with presence travel even with their default value. */
static bool is_set(const struct field *field, const struct event *event, uint64_t number)
{
    if (field->type == FIELD_FILE_MODE || field->type == FIELD_TOGGLE)
        return event->mode.is_toggle == (field->type == FIELD_TOGGLE);
    if (field->presence != 0)
        return *((const bool *)event + field->presence);
    return number != 0;
}

static void put_number_field(struct writer *writer, uint32_t number, const struct field *field,
                             const struct event *event)
{
    uint64_t value = number_of(field, event);
    if (is_set(field, event, value))
        put_number(writer, number, value);
}

/* Messages are left to the callers below, which put them in their places. */
static void put_len_field(struct writer *writer, uint32_t number, const struct field *field,
                          const struct event *event)
{
    const void *at = (const char *)event + field->offset;
    if (field->type == FIELD_ID) {
        put_text(writer, number, (struct bytes){(const char *)event->id, EVENT_ID_LEN});
    } else if (field->type < FIELD_SEALED) {
        struct bytes text = *(const struct bytes *)at;
        if (field->is_optional ? text.data != NULL : text.len > 0)
            put_text(writer, number, text);
    }
}

static void put_fields(struct writer *writer, const struct field_table *table,
                       const struct event *event)
{
    for (uint32_t number = 1; number < table->count; number++) {
        const struct field *field = &table->fields[number];
        if (field->wire == WIRE_KNOWN(WIRE_VARINT))
            put_number_field(writer, number, field, event);
        else if (field->wire == WIRE_KNOWN(WIRE_LEN))
            put_len_field(writer, number, field, event);
    }
}

static size_t fields_len(const struct field_table *table, const struct event *event)
{
    struct writer measure = {0};
    put_fields(&measure, table, event);
    return measure.len;
}

/* Field 6 of user_seen, its last: Personal, whose field 1 is PersonalClear. */
static void put_personal(struct writer *writer, const struct event *event)
{
    struct writer clear = {0};
    size_t len = fields_len(&FIELDS_OF_CLEAR, event);
    put_prefix(&clear, 1, len);
    put_prefix(writer, 6, clear.len + len);
    put_prefix(writer, 1, len);
    put_fields(writer, &FIELDS_OF_CLEAR, event);
}

static void put_payload(struct writer *writer, const struct event *event)
{
    put_fields(writer, fields_of_payload(event->kind), event);
    if (event->kind == EVENT_USER_SEEN && event->user_seen.personal.is_present)
        put_personal(writer, event);
}

static void put_event(struct writer *writer, const struct event *event, size_t payload_len)
{
    put_fields(writer, &FIELDS_OF_EVENT, event);
    put_prefix(writer, event->kind, payload_len);
    if (writer->out == NULL)
        writer->len += payload_len;
    else
        put_payload(writer, event);
}

bool event_encode(const struct event *event, struct buf *out)
{
    struct writer payload = {0};
    put_payload(&payload, event);
    struct writer measure = {0};
    put_event(&measure, event, payload.len);
    if (measure.len > EVENT_BYTES_MAX)
        return false;
    char *room = buf_reserve(out, measure.len);
    if (room == NULL)
        return false;
    struct writer writer = {.out = room};
    put_event(&writer, event, payload.len);
    out->len += writer.len;
    return true;
}
