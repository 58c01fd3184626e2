#include "libs/rpc/scan.h"

#include <string.h>

#define DEPTH_MAX 16U
#define PART_OVERHEAD 48U /* what malloc and protobuf-c's books cost for each field, roughly */
#define FIELD_NUMBER_MAX 536870911U

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *end;
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

static bool enter(struct scan *scan, const ProtobufCMessageDescriptor *type, size_t len,
                  struct err *err)
{
    if (scan->depth == DEPTH_MAX)
        return err_set(err, ERR_REJECT, "request is nested too deep");
    if (!charge(scan, type->sizeof_message, err))
        return false;
    scan->levels[scan->depth++] = (struct level){type, scan->at + len};
    return true;
}

static bool check_string(const struct scan *scan, const ProtobufCFieldDescriptor *field,
                         struct bytes text, struct err *err)
{
    bool is_fine = bytes_is_utf8(text) && (text.len == 0 || memchr(text.data, 0, text.len) == NULL);
    return is_fine || err_set(err, ERR_REJECT, "%s.%s: must be UTF-8 without NUL",
                              top(scan)->type->short_name, field->name);
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
        return enter(scan, field->descriptor, (size_t)len, err);
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
    if (!enter(&scan, type, message.len, err))
        return false;
    while (scan.depth > 0) {
        if (scan.at == top(&scan)->end)
            scan.depth--;
        else if (!scan_field(&scan, err))
            return false;
    }
    return true;
}
