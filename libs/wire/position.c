#include "libs/wire/position.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void position_done(struct position *position)
{
    free(position->entries);
    *position = (struct position){0};
}

/* The first entry whose partition is not below this one. */
static size_t slot_of(const struct position *position, int32_t partition)
{
    size_t low = 0;
    size_t high = position->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (position->entries[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t position_of_partition(const struct position *position, int32_t partition)
{
    size_t slot = slot_of(position, partition);
    bool is_there = slot < position->count && position->entries[slot].partition == partition;
    return is_there ? position->entries[slot].next_offset : 0;
}

void position_raise(struct position *position, int32_t partition, int64_t next_offset)
{
    assert(partition >= 0 && partition < POSITION_PARTITIONS_MAX);
    size_t slot = slot_of(position, partition);
    if (slot < position->count && position->entries[slot].partition == partition) {
        if (position->entries[slot].next_offset < next_offset)
            position->entries[slot].next_offset = next_offset;
        return;
    }
    position->entries =
        mem_grow(position->entries, position->count + 1, sizeof(*position->entries));
    struct position_entry *at = position->entries + slot;
    memmove(at + 1, at, (position->count - slot) * sizeof(*at));
    *at = (struct position_entry){partition, next_offset};
    position->count++;
}

static struct bytes take_until(struct bytes *rest, char separator)
{
    const char *found = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    size_t len = found == NULL ? rest->len : (size_t)(found - rest->data);
    struct bytes taken = {rest->data, len};
    size_t skip = found == NULL ? len : len + 1;
    *rest = (struct bytes){rest->data + skip, rest->len - skip};
    return taken;
}

static bool get_number(struct bytes text, int64_t max, int64_t *out)
{
    return text.len > 0 && text.data[0] != '-' && bytes_get_int64(text, out) && *out <= max;
}

static bool is_list(struct bytes text)
{
    return text.len <= POSITION_TEXT_MAX && (text.len == 0 || text.data[text.len - 1] != ',');
}

bool position_parse(struct bytes text, struct position *out, struct err *err)
{
    struct position found = {0};
    struct bytes rest = text;
    if (!is_list(text))
        return err_set(err, ERR_REJECT, "position: too long or ends with a comma");
    while (rest.len > 0) {
        size_t at = text.len - rest.len;
        int64_t partition;
        int64_t next_offset;
        struct bytes offset = take_until(&rest, ',');
        struct bytes name = take_until(&offset, ':');
        if (!get_number(name, POSITION_PARTITIONS_MAX - 1, &partition) ||
            !get_number(offset, INT64_MAX, &next_offset)) {
            position_done(&found);
            return err_set(err, ERR_REJECT,
                           "position: no \"<partition>:<next offset>\" at byte %zu", at);
        }
        position_raise(&found, (int32_t)partition, next_offset);
    }
    *out = found;
    return true;
}

char *position_text(const struct position *position)
{
    struct buf text;
    bool fits = true;
    buf_init(&text, POSITION_TEXT_MAX + 1);
    for (size_t i = 0; i < position->count; i++) {
        const struct position_entry *entry = &position->entries[i];
        fits = fits && buf_appendf(&text, "%s%" PRId32 ":%" PRId64, i == 0 ? "" : ",",
                                   entry->partition, entry->next_offset);
    }
    fits = fits && buf_append(&text, "", 1);
    assert(fits);
    return text.data;
}
