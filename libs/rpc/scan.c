#include "libs/rpc/scan.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16U
/* What a field costs at most beside its bytes: protobuf-c's book of it (32 bytes, in slabs that
 * double), the entry of an unknown one (24), and malloc's of it and of its bytes. */
#define PART_OVERHEAD 128U
#define FIELD_NUMBER_MAX 536870911U
#define PATH_MAX_LEN 160

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *end;
    const char *name; /* of the field that holds it; NULL: the request itself */
    bool is_element;  /* of a repeated field, */
    size_t index;     /* which one */
    const ProtobufCFieldDescriptor *repeated; /* the repeated field last met in it, */
    size_t count;                             /* and how many of it so far */
};

struct scan {
    const uint8_t *at;
    struct level levels[DEPTH_MAX];
    size_t depth; /* levels in use; the last one is being read */
    size_t heap;
    size_t heap_max;
};

static const struct level *top(const struct scan *scan)
{
    return &scan->levels[scan->depth - 1];
}

static bool refuse(const struct scan *scan, struct err *err)
{
    return err_set(err, ERR_REJECT, "request is not a %s", scan->levels[0].type->name);
}

static bool charge(struct scan *scan, size_t bytes, struct err *err)
{
    if (bytes > scan->heap_max - scan->heap)
        return err_set(err, ERR_REJECT, "request has too many parts");
    scan->heap += bytes;
    return true;
}

static bool get_varint(struct scan *scan, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (scan->at == top(scan)->end)
            return false;
        uint8_t byte = *scan->at++;
        value |= (uint64_t)(byte & 0x7FU) << shift;
        if ((byte & 0x80U) == 0) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct scan *scan, uint64_t len)
{
    if (len > (uint64_t)(top(scan)->end - scan->at))
        return false;
    scan->at += len;
    return true;
}

/* field NULL: the request itself. */
static bool enter(struct scan *scan, const ProtobufCMessageDescriptor *type,
                  const ProtobufCFieldDescriptor *field, size_t len, struct err *err)
{
    if (scan->depth == DEPTH_MAX)
        return err_set(err, ERR_REJECT, "request is nested too deep");
    if (!charge(scan, type->sizeof_message, err))
        return false;
    struct level inner = {.type = type, .end = scan->at + len};
    if (field != NULL) {
        struct level *outer = &scan->levels[scan->depth - 1];
        inner.name = field->name;
        inner.is_element = field->label == PROTOBUF_C_LABEL_REPEATED;
        if (inner.is_element && outer->repeated != field) {
            outer->repeated = field;
            outer->count = 0;
        }
        inner.index = inner.is_element ? outer->count++ : 0;
    }
    scan->levels[scan->depth++] = inner;
    return true;
}

/* "events[3].event.video_downloaded." for what stands in the innermost message. */
static void put_path(const struct scan *scan, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 1; i < scan->depth && len < size; i++) {
        const struct level *level = &scan->levels[i];
        int written = level->is_element
                          ? snprintf(out + len, size - len, "%s[%zu].", level->name, level->index)
                          : snprintf(out + len, size - len, "%s.", level->name);
        len += (size_t)written;
    }
}

static bool check_string(const struct scan *scan, const ProtobufCFieldDescriptor *field,
                         struct bytes text, struct err *err)
{
    char path[PATH_MAX_LEN];
    if (bytes_is_utf8(text) && (text.len == 0 || memchr(text.data, 0, text.len) == NULL))
        return true;
    put_path(scan, path, sizeof(path));
    return err_set(err, ERR_REJECT, "%s%s: must be UTF-8 without NUL", path, field->name);
}

/* A length-delimited field: a string, bytes, a message, packed numbers or something unknown. */
static bool scan_part(struct scan *scan, unsigned number, struct err *err)
{
    uint64_t len;
    if (!get_varint(scan, &len) || len > (uint64_t)(top(scan)->end - scan->at))
        return refuse(scan, err);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(top(scan)->type, number);
    if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter(scan, field->descriptor, field, (size_t)len, err);
    if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
        !check_string(scan, field, (struct bytes){(const char *)scan->at, (size_t)len}, err))
        return false;
    scan->at += len;
    return true;
}

static bool scan_field(struct scan *scan, struct err *err)
{
    uint64_t key;
    if (!get_varint(scan, &key) || key >> 3U == 0 || key >> 3U > FIELD_NUMBER_MAX)
        return refuse(scan, err);
    if (!charge(scan, PART_OVERHEAD, err))
        return false;
    uint64_t ignored;
    switch (key & 7U) {
    case WIRE_VARINT:
        return get_varint(scan, &ignored) || refuse(scan, err);
    case WIRE_64:
        return skip(scan, 8) || refuse(scan, err);
    case WIRE_32:
        return skip(scan, 4) || refuse(scan, err);
    case WIRE_BYTES:
        return scan_part(scan, (unsigned)(key >> 3U), err);
    default:
        return refuse(scan, err);
    }
}

bool rpc_scan(const ProtobufCMessageDescriptor *type, struct bytes message, size_t heap_max,
              struct err *err)
{
    static const uint8_t nothing = 0;
    const uint8_t *begin = message.len == 0 ? &nothing : (const uint8_t *)message.data;
    struct scan scan = {.at = begin, .heap_max = heap_max};
    scan.levels[0].type = type;
    if (!enter(&scan, type, NULL, message.len, err))
        return false;
    while (scan.depth > 0) {
        if (scan.at == top(&scan)->end)
            scan.depth--;
        else if (!scan_field(&scan, err))
            return false;
    }
    return true;
}
