/*
 * event_fields: the event's protobuf schema as tables over struct event, for event_codec.
 *
 * One row a field: where it lives in struct event, how it travels, what the contract allows.
 * Encoding, decoding and checking walk the same rows, so a new field is one new row. Constant data;
 * thread-safe.
 */
#ifndef LIBS_WIRE_EVENT_FIELDS_H
#define LIBS_WIRE_EVENT_FIELDS_H

#include "libs/wire/event.h"

#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_LEN 2
#define WIRE_FIXED32 5
#define WIRE_KNOWN(type) ((type) + 1)

enum field_type {
    FIELD_NONE,  /* no such field in this build */
    FIELD_INT64, /* min..max */
    FIELD_INT32, /* min..max */
    FIELD_UINT32,
    FIELD_ENUM, /* min..max */
    FIELD_BOOL,
    FIELD_FILE_MODE, /* bool; unsets toggle */
    FIELD_TOGGLE,    /* bool, always true; unsets file_mode */
    FIELD_TEXT,      /* UTF-8 without U+0000, min..max bytes */
    FIELD_LANG,      /* a text that is one of the known languages */
    FIELD_BYTES,     /* min..max bytes */
    FIELD_ID,        /* exactly EVENT_ID_LEN bytes */
    FIELD_SEALED,    /* a message that this build cannot read */
    FIELD_PAYLOAD,   /* a message of the envelope's oneof; this and the following are entered */
    FIELD_PERSONAL,  /* a message that holds FIELD_CLEAR or FIELD_SEALED */
    FIELD_CLEAR,     /* a message of texts */
};

struct field {
    uint8_t type;      /* enum field_type */
    uint8_t wire;      /* WIRE_KNOWN(protobuf wire type); 0: no such field in this build */
    bool is_optional;  /* a text with presence: data NULL is absent, an empty one travels */
    uint16_t offset;   /* in struct event */
    uint16_t presence; /* offset of a bool in struct event; 0: none */
    int64_t min;
    uint64_t range;  /* the largest is min + range, which may wrap around */
    const char *why; /* "<path>: what the contract wants" */
};

/* The fields of one message, by field number. */
struct field_table {
    const struct field *fields;
    uint32_t count;    /* highest field number + 1 */
    uint32_t required; /* bit 1 << number: leaving the field out is against the contract */
};

extern const struct field_table FIELDS_OF_EVENT;
extern const struct field_table FIELDS_OF_PERSONAL;
extern const struct field_table FIELDS_OF_CLEAR;

/* Of EVENT_NONE and numbers in between: no fields. */
const struct field_table *fields_of_payload(enum event_kind kind);

static inline bool field_allows_number(const struct field *field, int64_t number)
{
    return (uint64_t)number - (uint64_t)field->min <= field->range;
}

/* Of FIELD_TEXT, FIELD_LANG and FIELD_BYTES. */
bool field_allows_text(const struct field *field, struct bytes text);

/* NULL: every field of the table holds what the contract allows; else the `why` of the first that
 * does not. */
const char *fields_check(const struct field_table *table, const struct event *event);

#endif
